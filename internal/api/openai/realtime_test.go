package openai

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/sockettest"
	"sensevoice/internal/api/speech"
)

func serveRealtime(t *testing.T) *sockettest.Server {
	return sockettest.New(t, func(b *api.Backend) []api.Route { return Realtime(b, socket.DefaultOptions(), new(speech.Pacer)) })
}

// caller is the other end of a connection.
type caller struct {
	t  *testing.T
	ws *websocket.Conn
}

// call connects and takes the greeting.
func call(t *testing.T, s *sockettest.Server) *caller {
	t.Helper()
	ws, answer, err := websocket.Dial(t.Context(), s.Address("/v1/realtime?intent=transcription"), &websocket.DialOptions{Subprotocols: []string{"realtime"}})
	if err != nil {
		t.Fatal(err, answer)
	}
	t.Cleanup(func() { ws.CloseNow() })
	c := &caller{t, ws}
	if hello := c.read("session.created"); !strings.Contains(string(hello.Session), `"rate":24000`) || !strings.Contains(string(hello.Session), `"silence_duration_ms":500`) {
		t.Errorf("%s", hello.Session)
	}
	return c
}

func (c *caller) send(message string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

// sound sends samples in messages of 100 ms, with seconds of silence behind them.
func (c *caller) sound(samples []float32, silence float64) {
	c.t.Helper()
	for data := range slices.Chunk(sockettest.PCM16(samples, silence), 3200) {
		c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(data) + `"}`)
	}
}

// message is an event as a client reads it.
type message struct {
	Type       string
	EventID    string `json:"event_id"`
	Session    json.RawMessage
	ItemID     string `json:"item_id"`
	Previous   string `json:"previous_item_id"`
	Start      *int   `json:"audio_start_ms"`
	End        *int   `json:"audio_end_ms"`
	Content    *int   `json:"content_index"`
	Delta      string
	Transcript string
	Usage      Usage
	Error      struct {
		Type, Code, Message string
		EventID             string `json:"event_id"`
	}
}

func (c *caller) next() (m message, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(data, &m)
}

// read takes the next event, which must be of a type.
func (c *caller) read(kind string) message {
	c.t.Helper()
	m, err := c.next()
	if err != nil || m.Type != kind || !strings.HasPrefix(m.EventID, "event_") {
		c.t.Fatalf("got %+v, %v, want %s", m, err, kind)
	}
	return m
}

// TestRealtime speaks twice, and is heard without a word about it.
func TestRealtime(t *testing.T) {
	c := call(t, serveRealtime(t))
	c.send(`{"type":"session.update","session":{"type":"transcription","audio":{"input":{"format":{"type":"audio/pcm","rate":16000},
		"transcription":{"model":"gpt-4o-transcribe","language":"en","prompt":"x"},"turn_detection":{"type":"server_vad","threshold":0.8}}}}}`)
	if updated := string(c.read("session.updated").Session); !strings.Contains(updated, `"rate":16000`) || !strings.Contains(updated, `"language":"en"`) {
		t.Error(updated)
	}
	previous := ""
	for i := range 2 {
		clip := sockettest.Clips(t)[i]
		c.sound(clip.Samples, 1)
		started, stopped := c.read("input_audio_buffer.speech_started"), c.read("input_audio_buffer.speech_stopped")
		committed, delta, completed := c.read("input_audio_buffer.committed"), c.read(transcription+"delta"), c.read(transcription+"completed")
		if completed.Transcript != clip.ITN || delta.Delta != clip.ITN || *completed.Content != 0 || completed.Usage.Type != "duration" || completed.Usage.Seconds < 2 {
			t.Errorf("%+v, want %q", completed, clip.ITN)
		}
		if !(*started.Start < *stopped.End) || committed.Previous != previous {
			t.Errorf("from %d to %d ms, after %q", *started.Start, *stopped.End, committed.Previous)
		}
		previous = completed.ItemID
		for _, m := range []message{started, stopped, committed, delta} {
			if m.ItemID != previous || !strings.HasPrefix(previous, "item_") {
				t.Errorf("%s is of item %q, not %q", m.Type, m.ItemID, previous)
			}
		}
	}
}

// TestCommit says itself when speech ends.
func TestCommit(t *testing.T) {
	c := call(t, serveRealtime(t))
	c.send(`{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000},"turn_detection":null}}}}`)
	c.read("session.updated")
	clip := sockettest.Clips(t)[0]
	for range 2 {
		c.sound(clip.Samples, 0)
		c.send(`{"type":"input_audio_buffer.commit"}`)
		c.read("input_audio_buffer.committed")
		c.read(transcription + "delta")
		if done := c.read(transcription + "completed"); done.Transcript != clip.ITN {
			t.Errorf("%q, want %q", done.Transcript, clip.ITN)
		}
	}
	c.sound(make([]float32, 16000), 0)
	c.send(`{"type":"input_audio_buffer.commit"}`)
	c.read("input_audio_buffer.committed")
	if done := c.read(transcription + "completed"); done.Transcript != "" {
		t.Errorf("heard %q in silence", done.Transcript)
	}
	c.sound(clip.Samples, 0)
	c.send(`{"type":"input_audio_buffer.clear"}`)
	c.read("input_audio_buffer.cleared")
	c.send(`{"type":"input_audio_buffer.commit","event_id":"mine"}`)
	if refused := c.read("error"); refused.Error.Code != "input_audio_buffer_commit_empty" || refused.Error.EventID != "mine" {
		t.Errorf("%+v", refused)
	}
}

// TestBeta has the settings as they were written before.
func TestBeta(t *testing.T) {
	c := call(t, serveRealtime(t))
	c.send(`{"type":"transcription_session.update","session":{"input_audio_format":"pcm16","input_audio_transcription":{"model":"whisper-1","language":"zh"},
		"turn_detection":{"type":"server_vad","silence_duration_ms":300},"input_audio_noise_reduction":{"type":"near_field"}}}`)
	updated := string(c.read("transcription_session.updated").Session)
	for _, want := range []string{`"input_audio_format":"pcm16"`, `"language":"zh"`, `"silence_duration_ms":300`} {
		if !strings.Contains(updated, want) {
			t.Errorf("no %s in %s", want, updated)
		}
	}
	c.send(`{"type":"input_audio_buffer.commit"}`)
	if refused := c.read("error"); refused.Error.Code != "input_audio_buffer_commit_empty" {
		t.Errorf("%+v", refused)
	}
}

func TestWrongEvents(t *testing.T) {
	s := serveRealtime(t)
	c := call(t, s)
	for _, test := range []struct{ send, code, want string }{
		{`{`, "invalid_json", "no JSON object"},
		{"{\"type\":\"\xff\"}", "invalid_json", "UTF-8"},
		{`[]`, "invalid_json", "no JSON object"},
		{`{}`, "invalid_value", "there are session.update"},
		{`{"type":"response.create"}`, "invalid_value", "unknown type response.create"},
		{`{"type":"input_audio_buffer.append"}`, "invalid_value", "base64"},
		{`{"type":"input_audio_buffer.append","audio":"%"}`, "invalid_value", "base64"},
		{`{"type":"session.update"}`, "invalid_value", "session"},
		{`{"type":"session.update","session":7}`, "invalid_value", "session"},
		{`{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}}`, "invalid_value", "audio/pcm"},
		{`{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":1}}}}}`, "invalid_value", "4000 to 192000"},
		{`{"type":"session.update","session":{"audio":{"input":{"transcription":{"language":"zn"}}}}}`, "invalid_value", `did you mean "zh"`},
		{`{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"gpt-9"}}}}}`, "invalid_value", "whisper-1"},
		{`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad"}}}}}`, "invalid_value", "server_vad"},
		{`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":2}}}}}`, "invalid_value", "0 to 1"},
		{`{"type":"transcription_session.update","session":{"input_audio_format":"g711_ulaw"}}`, "invalid_value", "pcm16"},
	} {
		c.send(test.send)
		if m := c.read("error"); m.Error.Code != test.code || !strings.Contains(m.Error.Message, test.want) || m.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %+v, want %q", test.send, m.Error, test.want)
		}
	}
	if err := c.ws.Write(t.Context(), websocket.MessageBinary, []byte("sound")); err != nil {
		t.Fatal(err)
	}
	if m := c.read("error"); !strings.Contains(m.Error.Message, "input_audio_buffer.append") {
		t.Errorf("%+v", m)
	}
	apitest.Do(t, "GET", s.URL+"/v1/realtime?model=gpt-realtime", nil).Check(t, http.StatusBadRequest, `"code":"unsupported_operation"`, "intent=transcription")
}

// TestRealtimeDraining answers what was said, and closes with a reason.
func TestRealtimeDraining(t *testing.T) {
	s := serveRealtime(t)
	c := call(t, s)
	c.send(`{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}}`)
	c.read("session.updated")
	clip := sockettest.Clips(t)[0]
	c.sound(clip.Samples, 0)
	c.send(`{"type":"input_audio_buffer.unknown"}`) // answered when all before has been read
	text := ""
	for waiting := true; waiting; {
		m, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		text += m.Transcript
		waiting = m.Type != "error"
	}
	s.Drain()
	for {
		m, err := c.next()
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("closed with %v", err)
			}
			break
		}
		text += m.Transcript
	}
	if text != clip.ITN {
		t.Errorf("%q, want %q", text, clip.ITN)
	}
}
