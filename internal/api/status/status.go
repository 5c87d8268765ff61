// Package status tells how the server is: alive, ready, healthy, and what it does.
package status

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"sensevoice/internal/api"
	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/batch"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// probe is a recording of three seconds: "hello good morning thanks".
//
//go:embed probe.wav
var probe []byte

// probeText is what the embedded model hears in it. Of other models it is asked that they answer at all.
const probeText = "hello good morning thanks"

// Service answers probes.
type Service struct {
	*api.Backend
	embedded bool // the model is the one whose answer is known
	samples  []float32
	flights  singleflight.Group

	mu   sync.Mutex
	last Probe
}

// Probe is what came of a readiness probe.
type Probe struct {
	At   time.Time
	Took time.Duration
	Err  error
}

// New makes the service. Embedded says that the model is the embedded one.
func New(b *api.Backend, embedded bool) (*Service, error) {
	samples, err := wav.Decode(bytes.NewReader(probe), 10*audio.SampleRate)
	if err != nil {
		return nil, fmt.Errorf("the recording for readiness: %w", err)
	}
	return &Service{Backend: b, embedded: embedded, samples: samples}, nil
}

// Routes returns the routes, which need no key.
func (s *Service) Routes() []api.Route {
	open := func(pattern string, h api.Handler) api.Route {
		return api.Route{Pattern: pattern, Shape: api.FastAPI, Open: true, Handle: h}
	}
	return []api.Route{
		open("GET /health", s.health), open("GET /livez", s.live), open("GET /readyz", s.ready),
		{Pattern: "GET /api/v1/status", Shape: api.FastAPI, Handle: s.status},
		open("GET /metrics", func(w http.ResponseWriter, r *http.Request) error {
			s.Metrics.ServeHTTP(w, r)
			return nil
		}),
	}
}

// Health is the answer to GET /health: the Python service's keys, and those of FunASR's server beside them.
type Health struct {
	Status string   `json:"status"`           // "healthy" or "unhealthy"
	Reason string   `json:"reason,omitempty"` // why it is unhealthy
	Device string   `json:"device"`
	Models []string `json:"models_loaded"`
}

// health answers at once, whatever the engines do: from the last probe.
func (s *Service) health(w http.ResponseWriter, _ *http.Request) error {
	h := Health{Status: "healthy", Device: s.Device, Models: []string{s.ModelName}}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	switch {
	case s.IsDraining():
		h.Status, h.Reason = "unhealthy", "draining"
	case last.At.IsZero():
		h.Status, h.Reason = "unhealthy", "model_not_initialized"
	case last.Err != nil:
		h.Status, h.Reason = "unhealthy", "recognition_failed"
	}
	return api.WriteJSON(w, code(h.Status == "healthy"), h)
}

func code(well bool) int {
	if well {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func (s *Service) live(w http.ResponseWriter, _ *http.Request) error {
	return api.WriteJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// Readiness is the answer to GET /readyz.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Reason string  `json:"reason,omitempty"`
	TookMs float64 `json:"took_ms"` // that the recognition took
}

// ready recognises the probe, now. Probes that come meanwhile share its outcome.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) error {
	if s.IsDraining() {
		return api.WriteJSON(w, http.StatusServiceUnavailable, Readiness{Reason: "draining"})
	}
	outcome, _, _ := s.flights.Do("probe", func() (any, error) {
		return s.Probe(context.WithoutCancel(r.Context())), nil
	})
	p := outcome.(Probe)
	answer := Readiness{Ready: p.Err == nil, TookMs: float64(p.Took.Microseconds()) / 1000}
	if p.Err != nil {
		answer.Reason = p.Err.Error()
	}
	return api.WriteJSON(w, code(answer.Ready), answer)
}

// Probe recognises the probe with the loaded model, by the way that requests go, within the time for it.
func (s *Service) Probe(ctx context.Context) Probe {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, s.Ready, fmt.Errorf("no answer from the engine within %v", s.Ready))
	defer cancel()
	request := s.Queue.Request(batch.Ticket{ID: "probe", Key: "probe", Admitted: true})
	segments, _, err := request.Recognize(ctx, []transcribe.Clip{{Samples: s.samples}})
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && len(segments) != 1:
		err = fmt.Errorf("%d segments for one clip", len(segments))
	case err == nil && s.embedded && transcript.Clean(segments[0].RawText) != probeText:
		err = fmt.Errorf("the model heard %q, not %q", transcript.Clean(segments[0].RawText), probeText)
	}
	p := Probe{At: time.Now(), Took: time.Since(start), Err: err}
	s.mu.Lock()
	s.last = p
	s.mu.Unlock()
	if err != nil {
		s.Log.Error("probe", "error", err, "took_ms", p.Took.Milliseconds())
	}
	return p
}
