// Package sockettest runs a protocol over the embedded model, for tests: a server on a free port of the loopback, and the
// recordings of testdata as samples.
package sockettest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sensevoice/internal/access"
	"sensevoice/internal/api"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/batch"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/spool"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/vad"
)

// Server serves the routes of a protocol.
type Server struct {
	*httptest.Server
	Backend *api.Backend

	draining chan struct{}
	closers  []func()
}

// New starts a server. The routes are asked for once.
func New(routes func(*api.Backend) []api.Route) (*Server, error) {
	s := &Server{draining: make(chan struct{})}
	backend, err := s.backend()
	if err != nil {
		s.close()
		return nil, err
	}
	s.Backend = backend
	mux := http.NewServeMux()
	for _, r := range routes(backend) {
		mux.Handle(r.Pattern, backend.Handler(r))
	}
	s.Server = httptest.NewServer(mux)
	return s, nil
}

func (s *Server) backend() (*api.Backend, error) {
	kernels, err := kernel.Select("")
	if err != nil {
		return nil, err
	}
	model, network, err := models(kernels)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { model.Close() })
	engine, err := cpu.New(kernels, 2)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { engine.Close() })
	recognizer, err := transcribe.NewRecognizer(model, engine)
	if err != nil {
		return nil, err
	}
	queue, err := batch.New(batch.Options{Recognizers: []*transcribe.Recognizer{recognizer}})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { queue.Close(context.Background()) })
	files, err := spool.New("", 1<<30)
	if err != nil {
		return nil, err
	}
	b := &api.Backend{
		ModelName: model.Name, Device: "cpu", Version: "test", Queue: queue, VAD: network, Keys: new(access.Keys),
		Rates: limit.NewRates(0, 1), Uploads: limit.NewBudget(64 << 20), Work: limit.NewBudget(512 << 20), Spool: files,
		Sockets: new(api.Sockets), Metrics: metrics.New("test", model.Name, "cpu"), Log: slog.New(slog.DiscardHandler), Draining: s.draining,
	}
	b.SetLimits(api.Limits{MaxBody: 64 << 20, MaxLength: time.Hour, MaxFiles: 8, MaxSockets: 100, Timeout: time.Minute})
	return b, nil
}

func models(kernels *kernel.Set) (*modelstore.Model, *vad.Model, error) {
	store, err := modelstore.New(os.TempDir(), modelstore.Endpoints{})
	if err != nil {
		return nil, nil, err
	}
	model, err := store.Open(modelstore.EmbeddedName)
	if err != nil {
		return nil, nil, err
	}
	weights, err := modelstore.EmbeddedVAD()
	if err != nil {
		return nil, nil, err
	}
	network, err := vad.New(weights, nil, kernels)
	return model, network, err
}

// Drain tells the server to end: connections finish what has come and say goodbye.
func (s *Server) Drain() { close(s.draining) }

// Close ends the server. Connections must have ended, or end with it.
func (s *Server) Close() error {
	s.CloseClientConnections()
	s.Server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := s.Backend.Sockets.Wait(ctx)
	s.close()
	if used := s.Backend.Work.Used() + s.Backend.Uploads.Used() + s.Backend.Spool.Room().Used(); used != 0 {
		err = errors.Join(err, errors.New("memory or room is still taken"))
	}
	return err
}

func (s *Server) close() {
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		s.closers[last]()
		s.closers = s.closers[:last]
	}
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

// Clips reads the recordings that say something.
func Clips() ([]Clip, error) {
	folder := filepath.Join(golden.Root(), "testdata")
	list, err := os.ReadFile(filepath.Join(folder, "clips.json"))
	if err != nil {
		return nil, err
	}
	var all []Clip
	if err := json.Unmarshal(list, &all); err != nil {
		return nil, err
	}
	var spoken []Clip
	for _, c := range all {
		if c.Text == "" {
			continue
		}
		f, err := os.Open(filepath.Join(folder, c.File))
		if err != nil {
			return nil, err
		}
		c.Samples, err = wav.Decode(f, 60*16000)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		spoken = append(spoken, c)
	}
	return spoken, nil
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

// Path returns where a recording lies.
func (c *Clip) Path() string { return filepath.Join(golden.Root(), "testdata", c.File) }
