package funasrws

import (
	"context"
	"encoding/json"
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
	return sockettest.New(t, func(b *api.Backend) []api.Route { return Routes(b, socket.DefaultOptions(), new(speech.Pacer)) })
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

// Test2Pass checks the order of messages, that pieces build up to something that the sentence replaces, and the last mark.
func Test2Pass(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, clip := range sockettest.Clips(t) {
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
	for _, clip := range sockettest.Clips(t) {
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

func TestTags(t *testing.T) {
	s := serve(t)
	clip := sockettest.Clips(t)[0]
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
	clip := sockettest.Clips(t)[0]
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
