// Package sockettest serves WebSocket protocols for their tests, and has the recordings of testdata as samples.
package sockettest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
)

// Server serves the routes of a protocol, over the embedded model.
type Server struct {
	*apitest.Backend
	URL string
}

// New starts a server that ends with the test. Its connections must then end with their clients, and nothing may still be taken.
func New(t testing.TB, routes func(*api.Backend) []api.Route) *Server {
	t.Helper()
	b := apitest.New(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxSockets = 100 }})
	s := &Server{Backend: b, URL: b.Serve(t, routes(b.Backend)...)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.Sockets.Wait(ctx); err != nil {
			t.Error("connections do not end:", err)
		}
		if used := b.Work.Used() + b.Uploads.Used() + b.Spool.Room().Used(); used != 0 {
			t.Errorf("%d bytes of memory or room are still taken", used)
		}
	})
	return s
}

// Address is where a path is served as WebSocket.
func (s *Server) Address(path string) string { return "ws" + strings.TrimPrefix(s.URL, "http") + path }

// Clip is one of the recordings in testdata.
type Clip struct {
	File, Language string
	Text           string `json:"woitn"`
	ITN            string `json:"withitn"`

	Samples []float32 `json:"-"`
}

// Path returns where a recording lies.
func (c *Clip) Path() string { return filepath.Join(golden.Root(), "testdata", c.File) }

// Clips reads the recordings that say something.
func Clips(t testing.TB) []Clip {
	t.Helper()
	list, err := os.ReadFile(filepath.Join(golden.Root(), "testdata", "clips.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all, spoken []Clip
	if err := json.Unmarshal(list, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Text == "" {
			continue
		}
		f, err := os.Open(c.Path())
		if err != nil {
			t.Fatal(err)
		}
		const longest = 60 * 16000
		c.Samples, err = wav.Decode(f, longest)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		spoken = append(spoken, c)
	}
	return spoken
}

// PCM16 writes samples as 16-bit integers, with seconds of silence behind them.
func PCM16(samples []float32, silence float64) []byte {
	data := make([]byte, 0, 2*len(samples)+2*int(silence*16000))
	for _, x := range samples {
		v := int16(max(-32768, min(32767, x*32768)))
		data = append(data, byte(v), byte(uint16(v)>>8))
	}
	return append(data, make([]byte, 2*int(silence*16000))...)
}
