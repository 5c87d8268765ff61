package api

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"sensevoice/internal/access"
	"sensevoice/internal/batch"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
	"sensevoice/internal/spool"
	"sensevoice/internal/vad"
)

// Backend is what all protocols serve from. Nothing of it changes while it serves, but what the limits say.
type Backend struct {
	ModelName string // as it was opened: "sensevoice-small", "embedded", a path
	Device    string // "cpu", "cuda:0"
	Version   string // of the program

	Queue *batch.Scheduler
	VAD   *vad.Model

	ITN      bool          // figures and punctuation where a request does not say
	Silence  time.Duration // that ends a segment on /ws/asr where a client does not say; 0: the protocol's own
	Ready    time.Duration // that the recognition of a readiness probe may take
	Keys     *access.Keys
	Rates    *limit.Rates
	Uploads  *limit.Budget // memory for requests that are being received
	Work     *limit.Budget // memory for requests that are being decoded and recognised, WebSockets too
	Spool    *spool.Spool
	Sockets  *Sockets
	Metrics  *metrics.Metrics
	Log      *slog.Logger
	Tracer   trace.Tracer    // nil: no traces
	Draining <-chan struct{} // closed when the server is about to end: finish what runs, and start nothing

	limits   atomic.Pointer[Limits]
	refusals refusals
}

// Limits are the bounds of requests, which may change while the server runs.
type Limits struct {
	MaxBody    int64         // bytes
	MaxLength  time.Duration // of a recording
	MaxFiles   int           // in a request
	MaxSockets int           // WebSockets at once
	MaxWait    time.Duration // that a request waits for memory to begin
	Timeout    time.Duration // of the recognition of a request
	UploadRate int64         // bytes a second, the slowest that is waited for
}

// Limits returns the bounds as they are now.
func (b *Backend) Limits() Limits { return *b.limits.Load() }

// SetLimits changes the bounds, for requests that come from now on.
func (b *Backend) SetLimits(l Limits) {
	b.limits.Store(&l)
	b.Sockets.max.Store(int64(l.MaxSockets))
}

// IsDraining reports whether the server is about to end.
func (b *Backend) IsDraining() bool {
	select {
	case <-b.Draining:
		return true
	default:
		return false
	}
}

// Sockets counts WebSockets and what they do. The zero value takes none: see [Backend.SetLimits].
type Sockets struct {
	Messages atomic.Int64 // received
	Chunks   atomic.Int64 // of sound, recognised or waiting to be
	Errors   atomic.Int64 // told to clients

	max, open atomic.Int64
	running   sync.WaitGroup
	mu        sync.Mutex // between Join and Wait: nobody joins once somebody waits
	ended     bool
}

// Join takes a place for a WebSocket, to be given back by leave when its handler ends, or says why there is none.
func (s *Sockets) Join() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, draining()
	}
	if s.open.Add(1) > s.max.Load() {
		s.open.Add(-1)
		return nil, &Error{
			Status: 503, Reason: "sockets", RetryAfter: 10 * time.Second,
			Message: "as many WebSockets are open as this server takes (SENSEVOICE_MAX_CONNECTIONS)",
		}
	}
	s.running.Add(1)
	return sync.OnceFunc(func() {
		s.open.Add(-1)
		s.running.Done()
	}), nil
}

// Open returns how many WebSockets there are.
func (s *Sockets) Open() int64 { return s.open.Load() }

// Wait lets no more WebSockets in and waits until all have ended, or the context does.
func (s *Sockets) Wait(ctx context.Context) error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
