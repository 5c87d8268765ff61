// Package funasr serves the HTTP interfaces of FunASR's servers that are not OpenAI's: POST /asr, and the older /recognition and
// /api/asr.
package funasr

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/transcript"
)

// Routes returns the routes of this protocol.
func Routes(b *api.Backend) []api.Route {
	s := &service{b}
	return []api.Route{
		{Pattern: "POST /asr", Shape: api.FastAPI, Handle: s.asr},
		{Pattern: "POST /recognition", Shape: coded, Handle: s.recognition},
		{Pattern: "POST /api/asr", Shape: coded, Handle: s.base64},
	}
}

type service struct{ *api.Backend }

// coded is the shape of the older servers: a code that is not 0, and here a message too.
func coded(e *api.Error) any {
	message := e.Message
	if len(e.Fields) > 0 {
		message = e.Fields[0].Field + ": " + e.Fields[0].Message
	}
	return map[string]any{"code": 1, "msg": message}
}

// Reply is the answer to POST /asr.
type Reply struct {
	Text     string             `json:"text"`
	Segments []Segment          `json:"segments"`
	Duration transcript.Seconds `json:"duration"`
	Took     transcript.Seconds `json:"processing_time"`
	RTF      transcript.Ratio   `json:"rtf"`
	Language string             `json:"language"`
}

// Segment is a stretch of speech.
type Segment struct {
	ID       int                `json:"id"`
	Start    transcript.Seconds `json:"start"`
	End      transcript.Seconds `json:"end"`
	Text     string             `json:"text"`
	Language string             `json:"language"`
	Emotion  string             `json:"emotion"`
	Event    string             `json:"event"`
}

var asrForm = api.FormSpec{
	Files: []string{"file"}, Single: true,
	Fields: append([]string{"language", "hotwords", "spk", "model", "itn", "use_itn"}, api.OptionFields...),
}

func (s *service) asr(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	result, err := s.form(w, r, asrForm)
	if err != nil {
		return err
	}
	reply := Reply{Text: result.CleanText, Segments: []Segment{}, Duration: result.Duration, Language: result.Language}
	for i, g := range result.Segments {
		reply.Segments = append(reply.Segments, Segment{i, g.Start, g.End, transcript.Clean(g.RawText), g.Language, g.Emotion, g.Event})
	}
	reply.Took = transcript.Seconds(time.Since(start).Seconds())
	if reply.Duration > 0 {
		reply.RTF = transcript.Ratio(reply.Took / reply.Duration)
	}
	return api.WriteJSON(w, http.StatusOK, reply)
}

// form recognises the one recording of a form. FunASR's servers write figures and punctuation unless they are told not to.
func (s *service) form(w http.ResponseWriter, r *http.Request, spec api.FormSpec) (*transcript.Result, error) {
	f, err := s.ReadForm(r, spec)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := f.Values()
	options := s.Options(v)
	options.Language = v.Language("language")
	options.ITN = v.Bool(true, "itn", "use_itn")
	if v.Bool(false, "spk") {
		v.Fault("spk", "this model does not tell speakers apart")
	}
	if words, _ := v.Text("hotwords"); words != "" {
		w.Header().Set("X-Ignored-Fields", "hotwords")
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	return s.Recognize(r.Context(), api.Recording{Name: f.Files[0].Name, Sound: f.Files[0].Open(), Options: options}, nil)
}

// Sentence is a segment as the older servers tell it.
type Sentence struct {
	Text  string `json:"text"`
	Start int    `json:"start"` // in milliseconds
	End   int    `json:"end"`
}

var recognitionForm = api.FormSpec{Files: []string{"audio"}, Single: true, Fields: append([]string{"language", "hotwords", "itn"}, api.OptionFields...)}

func (s *service) recognition(w http.ResponseWriter, r *http.Request) error {
	result, err := s.form(w, r, recognitionForm)
	if err != nil {
		return err
	}
	sentences := []Sentence{}
	for _, g := range result.Segments {
		sentences = append(sentences, Sentence{transcript.Clean(g.RawText), milliseconds(g.Start), milliseconds(g.End)})
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"text": result.CleanText, "sentences": sentences, "code": 0})
}

func milliseconds(s transcript.Seconds) int { return int(float64(s)*1000 + 0.5) }

// maxJSON bounds a body of JSON, which is held in memory: some 18 MB of sound, or 10 minutes of 16 kHz.
const maxJSON = 24 << 20

// base64 serves a recording that comes as text within JSON.
func (s *service) base64(w http.ResponseWriter, r *http.Request) error {
	const memory = 2 * maxJSON // the body, and the text that is taken from it
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return &api.Error{
			Status: http.StatusUnsupportedMediaType, Reason: "bad request",
			Message: `send JSON, {"wav_base64": "..."}, with Content-Type: application/json`,
		}
	}
	if !s.Uploads.TryAcquire(memory) {
		return s.Overloaded()
	}
	defer s.Uploads.Release(memory)
	text, err := readBase64(r.Body)
	if err != nil {
		return err
	}
	v := api.NewValues(nil)
	options := s.Options(v)
	options.ITN = true
	sound := &plainReader{base64.NewDecoder(base64.StdEncoding, strings.NewReader(text))}
	result, err := s.Recognize(r.Context(), api.Recording{Name: "wav_base64", Sound: sound, Options: options}, nil)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"results": result.CleanText, "code": 0})
}

// plainReader tells what is wrong with base64 as a fault of the field.
type plainReader struct{ decoder io.Reader }

func (p *plainReader) Read(dst []byte) (int, error) {
	n, err := p.decoder.Read(dst)
	if err != nil && !errors.Is(err, io.EOF) {
		err = api.Wrong("wav_base64", "is not base64: "+err.Error())
	}
	return n, err
}

// readBase64 returns the one field of the body.
func readBase64(body io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxJSON+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxJSON {
		return "", &api.Error{
			Status: http.StatusRequestEntityTooLarge, Reason: "body too large",
			Message: fmt.Sprintf("the body is larger than %d bytes; send a form to /asr, which takes larger recordings", maxJSON),
		}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return "", &api.Error{Status: http.StatusBadRequest, Message: "the body is not a JSON object: " + err.Error(), Reason: "bad request"}
	}
	for name := range fields {
		if name != "wav_base64" {
			return "", api.Wrong(name, "unknown field; there is wav_base64")
		}
	}
	var text string
	if err := json.Unmarshal(fields["wav_base64"], &text); err != nil || text == "" {
		return "", api.Wrong("wav_base64", "must be a recording in base64, as text")
	}
	return text, nil
}
