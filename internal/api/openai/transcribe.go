package openai

import (
	"bytes"
	"net/http"
	"strings"

	"sensevoice/internal/api"
	"sensevoice/internal/transcript"
)

func (s *service) transcribe(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ReadForm(r, form)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := s.read(f)
	if err != nil {
		return err
	}
	if len(c.ignored) > 0 {
		w.Header().Set("X-Ignored-Fields", strings.Join(c.ignored, ", "))
	}
	recording := api.Recording{Name: f.Files[0].Name, Sound: f.Files[0].Open(), Options: c.Options}
	if c.stream {
		return s.streamed(w, r, recording, &c)
	}
	result, err := s.Recognize(r.Context(), recording, nil)
	if err != nil {
		return err
	}
	return answer(w, result, &c)
}

// answer writes a result in the format that was asked for.
func answer(w http.ResponseWriter, result *transcript.Result, c *choice) error {
	var body bytes.Buffer
	contentType := "text/plain; charset=utf-8"
	switch c.format {
	case "text":
		body.WriteString(result.CleanText + "\n")
	case "srt":
		if err := transcript.WriteSRT(&body, result, transcript.DefaultLayout()); err != nil {
			return err
		}
	case "vtt":
		if err := transcript.WriteVTT(&body, result, transcript.DefaultLayout()); err != nil {
			return err
		}
	case "verbose_json":
		return api.WriteJSON(w, http.StatusOK, verbose(result, c))
	default:
		return api.WriteJSON(w, http.StatusOK, plain(result, c))
	}
	return api.Write(w, http.StatusOK, contentType, body.Bytes())
}
