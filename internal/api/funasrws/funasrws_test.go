package funasrws

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/sockettest"
	"sensevoice/internal/api/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T) *sockettest.Server {
	t.Helper()
	s, err := sockettest.New(func(b *api.Backend) []api.Route { return Routes(b, socket.DefaultOptions(), new(speech.Pacer)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func dial(t *testing.T, s *sockettest.Server, path string) *client {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), s.Address(path), &websocket.DialOptions{Subprotocols: []string{"binary"}})
	if err != nil {
		t.Fatal(err)
	}
	if ws.Subprotocol() != "binary" {
		t.Errorf("subprotocol %q", ws.Subprotocol())
	}
	t.Cleanup(func() { ws.CloseNow() })
	return &client{t, ws}
}

func (c *client) text(message string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

// sound sends data in frames of 60 ms.
func (c *client) sound(data []byte) {
	c.t.Helper()
	for len(data) > 0 {
		n := min(1920, len(data))
		if err := c.ws.Write(c.t.Context(), websocket.MessageBinary, data[:n]); err != nil {
			c.t.Fatal(err)
		}
		data = data[n:]
	}
}

// message is a reply as a client reads it: what may be missing is a pointer.
type message struct {
	Mode, Text string
	Name       string `json:"wav_name"`
	IsFinal    *bool  `json:"is_final"`
	SliceType  *int   `json:"slice_type"`
	Index      *int
	Start      *int64 `json:"start_time"`
	End        *int64 `json:"end_time"`
	Timestamp  *string
	Sentences  []sentence `json:"stamp_sents"`
	IsEnd      bool       `json:"is_end"`
	Error      string
	Warning    string
}

func (c *client) read() message {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		c.t.Fatal(err)
	}
	if m.IsFinal == nil || m.Mode == "" && m.Error == "" {
		c.t.Errorf("without mode or is_final: %s", data)
	}
	return m
}

// final reads up to the message that is marked as the last.
func (c *client) final() []message {
	c.t.Helper()
	var all []message
	for {
		m := c.read()
		all = append(all, m)
		if *m.IsFinal {
			return all
		}
	}
}

func clips(t *testing.T) []sockettest.Clip {
	t.Helper()
	list, err := sockettest.Clips()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

// untagged removes the three tags in front of each sentence.
func untagged(t *testing.T, text string) string {
	t.Helper()
	clean := ""
	for text != "" {
		for range 3 {
			tag, rest, ok := strings.Cut(text, "|>")
			if !ok || !strings.HasPrefix(tag, "<|") {
				t.Fatalf("%q does not begin with three tags", text)
			}
			text = rest
		}
		end := strings.Index(text, "<|")
		if end < 0 {
			end = len(text)
		}
		clean, text = clean+text[:end], text[end:]
	}
	return clean
}

// TestOffline sends every clip on one connection: as samples, at another rate, and as a file under several names.
func TestOffline(t *testing.T) {
	c := dial(t, serve(t), "/any/path")
	for _, clip := range clips(t) {
		file, err := os.ReadFile(clip.Path())
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			format string
			data   []byte
		}{
			{"pcm", sockettest.PCM16(clip.Samples, 0)},
			{"wav", file},
			{"PCM", file}, // FunASR's own page
			{"others", file},
		} {
			c.text(`{"mode":"offline","wav_name":"` + clip.File + `","wav_format":"` + test.format + `","is_speaking":true,"itn":false,"chunk_size":[5,10,5]}`)
			c.sound(test.data)
			c.text(`{"is_speaking":false}`)
			m := c.read()
			if m.Mode != "offline" || m.Name != clip.File || !*m.IsFinal || squeeze(untagged(t, m.Text)) != squeeze(clip.Text) || m.Timestamp != nil {
				t.Errorf("%s as %s: %+v, want %q", clip.File, test.format, m, clip.Text)
			}
			if len(m.Sentences) == 0 || m.Sentences[0].End <= m.Sentences[0].Start || len(m.Sentences[0].Times) == 0 {
				t.Errorf("%s as %s: sentences %+v", clip.File, test.format, m.Sentences)
			}
		}
	}
}

func TestRate(t *testing.T) {
	c := dial(t, serve(t), "/?tags=clean")
	clip := clips(t)[0]
	var half []float32
	for i := 0; i+1 < len(clip.Samples); i += 2 {
		half = append(half, (clip.Samples[i]+clip.Samples[i+1])/2)
	}
	c.text(`{"mode":"offline","audio_fs":"8000","itn":"false"}`)
	c.sound(sockettest.PCM16(half, 0))
	c.text(`{"is_finished":true}`)
	if m := c.read(); m.Text == "" || m.Error != "" {
		t.Errorf("%+v, want about %q", m, clip.Text)
	}
}

func TestTimestampIsText(t *testing.T) {
	c := dial(t, serve(t), "/?tags=clean")
	for _, clip := range clips(t)[:3] {
		c.text(`{"mode":"offline","itn":false}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"is_speaking":false}`)
		m := c.read()
		var times [][2]int64
		if m.Timestamp == nil || json.Unmarshal([]byte(*m.Timestamp), &times) != nil {
			t.Fatalf("%s: %+v", clip.File, m)
		}
		want := len(strings.Fields(clip.Text))
		if clip.Language == "zh" {
			want = len([]rune(clip.Text))
		}
		if m.Text != clip.Text || len(times) != want {
			t.Errorf("%s: %q with %d times, want %q with %d", clip.File, m.Text, len(times), clip.Text, want)
		}
		last := int64(0)
		for _, pair := range times {
			if pair[0] < last || pair[1] < pair[0] || pair[1] > int64(len(clip.Samples)/16) {
				t.Errorf("%s: times %v", clip.File, times)
			}
			last = pair[0]
		}
	}
}

// Test2Pass checks the order of messages, that pieces build up to something that the sentence replaces, and the last mark.
func Test2Pass(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, clip := range clips(t) {
		c.text(`{"mode":"2pass","wav_name":"x","itn":false,"chunk_size":"5,10,5","chunk_interval":10,"is_speaking":true}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"is_speaking":false,"is_end":true}`)
		text, sentences := "", 0
		all := c.final()
		for _, m := range all {
			switch m.Mode {
			case "2pass-online":
				if m.Text == "" || *m.Index != sentences || *m.SliceType > 1 {
					t.Errorf("%s: piece %+v in sentence %d", clip.File, m, sentences)
				}
			case "2pass-offline":
				if m.Text == "" && *m.IsFinal {
					continue
				}
				if *m.Index != sentences || *m.SliceType != 2 || *m.Start >= *m.End || len(m.Sentences) != 1 {
					t.Errorf("%s: sentence %d: %+v", clip.File, sentences, m)
				}
				text += untagged(t, m.Text)
				sentences++
			default:
				t.Errorf("%s: %+v", clip.File, m)
			}
		}
		if squeeze(text) != squeeze(clip.Text) {
			t.Errorf("%s: %q, want %q", clip.File, text, clip.Text)
		}
		if ack := c.read(); !ack.IsEnd || !*ack.IsFinal || ack.Name != "x" || ack.Mode != "2pass" {
			t.Errorf("%s: acknowledged with %+v", clip.File, ack)
		}
	}
}

// TestOnline joins the pieces, which must be the text although nothing is ever taken back.
func TestOnline(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, clip := range clips(t) {
		c.text(`{"mode":"online","itn":false}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"is_speaking":false}`)
		text := ""
		for _, m := range c.final() {
			if m.Mode != "2pass-online" {
				t.Errorf("%s: %+v", clip.File, m)
			}
			text += m.Text
		}
		if squeeze(text) != squeeze(clip.Text) || text != strings.TrimSpace(text) {
			t.Errorf("%s: %q, want %q", clip.File, text, clip.Text)
		}
	}
}

func TestEmptyUtterances(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, mode := range []string{"offline", "online", "2pass"} {
		for range 2 {
			c.text(`{"mode":"` + mode + `","is_speaking":true}`)
			c.text(`{"is_speaking":false,"is_end":true}`)
			if m := c.read(); m.Text != "" || !*m.IsFinal || m.Error != "" || m.Name != "wav-default-id" {
				t.Errorf("%s: %+v", mode, m)
			}
			if m := c.read(); !m.IsEnd || !*m.IsFinal {
				t.Errorf("%s: %+v", mode, m)
			}
		}
	}
}

func TestWrongMessages(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, test := range []struct{ send, want string }{
		{`{`, "no JSON object"},
		{`[]`, "no JSON object"},
		{`null`, "no JSON object"},
		{"{\"wav_name\":\"\xff\"}", "not UTF-8"},
		{`{"mode":"3pass"}`, "mode"},
		{`{"mode":7}`, "mode"},
		{`{"audio_fs":1}`, "audio_fs"},
		{`{"audio_fs":"fast"}`, "audio_fs"},
		{`{"chunk_size":[5,0,5]}`, "chunk_size"},
		{`{"chunk_size":[5,5]}`, "chunk_size"},
		{`{"svs_lang":"zn"}`, `"zh"`},
		{`{"itn":"perhaps"}`, "itn"},
		{`{"wav_name":"` + strings.Repeat("x", 2000) + `"}`, "wav_name"},
		{`{"is_speaking":[]}`, "is_speaking"},
	} {
		c.text(test.send)
		if m := c.read(); !strings.Contains(m.Error, test.want) || *m.IsFinal || m.Text != "" {
			t.Errorf("%s: %+v, want %q", test.send, m, test.want)
		}
	}
	// And the connection still works.
	clip := clips(t)[0]
	c.text(`{"mode":"offline","itn":0,"hotwords":"{\"阿里巴巴\":20}","mystery":1,"svs_lang":null}`)
	c.sound(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"is_speaking":false}`)
	if m := c.read(); untagged(t, m.Text) != clip.Text || !strings.Contains(m.Warning, "hotwords") {
		t.Errorf("%+v", m)
	}
}

func TestRefusals(t *testing.T) {
	c := dial(t, serve(t), "/")
	c.text(`{"mode":"2pass","wav_format":"mp3"}`)
	c.sound(make([]byte, 5000))
	c.text(`{"is_speaking":false,"is_end":true}`)
	if m := c.read(); m.Text != "ERROR. Real-time transcription service ONLY SUPPORT PCM stream." || !*m.IsFinal {
		t.Errorf("%+v", m)
	}
	if m := c.read(); !m.IsEnd || *m.IsFinal || m.Error == "" {
		t.Errorf("%+v", m)
	}
	c.text(`{"mode":"offline","wav_format":"mp3"}`)
	c.sound([]byte("this is no sound at all, whatever its name may be"))
	c.text(`{"is_speaking":false,"is_end":true}`)
	if m := c.read(); m.Error == "" || m.Text != "" || !*m.IsFinal {
		t.Errorf("%+v", m)
	}
	if m := c.read(); !m.IsEnd || *m.IsFinal || m.Error == "" {
		t.Errorf("%+v", m)
	}
}

func TestTags(t *testing.T) {
	s := serve(t)
	clip := clips(t)[0]
	for _, path := range []string{"/?tags=clean", "/?tags=emoji"} {
		c := dial(t, s, path)
		c.text(`{"mode":"2pass","svs_itn":true,"itn":false}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"is_speaking":false}`)
		text := ""
		for _, m := range c.final() {
			if m.Mode == "2pass-offline" {
				text += m.Text
			}
		}
		if text != clip.ITN {
			t.Errorf("%s: %q, want %q", path, text, clip.ITN)
		}
	}
	c := dial(t, s, "/?tags=some")
	_, _, err := c.ws.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", err)
	}
}

// TestDraining answers what has come, in each mode, and says goodbye.
func TestDraining(t *testing.T) {
	s := serve(t)
	clip := clips(t)[0]
	var all []*client
	for _, mode := range []string{"offline", "online", "2pass"} {
		c := dial(t, s, "/")
		c.text(`{"mode":"` + mode + `","itn":false}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"mode":"wrong"}`) // answered when all before has been taken
		for c.read().Error == "" {
			continue
		}
		all = append(all, c)
	}
	s.Drain()
	for _, c := range all {
		c.final()
		_, _, err := c.ws.Read(t.Context())
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("closed with %v", err)
		}
	}
}
