// Package gpus tells clients of the server about the machine's GPUs, and lets them ask for memory back.
package gpus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/gpu"
	"sensevoice/internal/worker"
)

// Service answers about GPUs.
type Service struct {
	Look   func(context.Context) *gpu.Snapshot // asked once a second at most
	Device string                              // what the server computes on: "cpu", "cuda:4"
	Reason string                              // why it is not a GPU; "" if nobody asked for one
	Pool   *worker.Pool                        // the GPUs' workers; nil where the CPU computes

	mu   sync.Mutex
	last *gpu.Snapshot
	at   time.Time
}

// maxAge is how old a snapshot may be that is answered.
const (
	maxAge  = time.Second
	hungAge = time.Minute
)

// Report is the answer to GET /api/v1/gpu.
type Report struct {
	*gpu.Snapshot
	Device  string          `json:"device"`
	Reason  string          `json:"reason,omitempty"`
	Workers []worker.Status `json:"workers"`
	Counts  worker.Counts   `json:"counts"`
}

// Freed is the answer to POST /api/v1/gpu/free.
type Freed struct {
	Level   string `json:"level"`
	Workers int    `json:"workers"` // that were asked; they give back between two batches
}

// levels are what may be asked for.
var levels = map[string]int{"trim": 1, "all": 2}

// Routes returns the routes.
func (s *Service) Routes() []api.Route {
	return []api.Route{
		{Pattern: "GET /api/v1/gpu", Shape: api.FastAPI, Handle: s.report},
		{Pattern: "POST /api/v1/gpu/free", Shape: api.FastAPI, Handle: s.free},
	}
}

// snapshot returns a recent one. Those who come while somebody looks share what is seen.
func (s *Service) snapshot(ctx context.Context) *gpu.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || time.Since(s.at) > age(s.last) {
		// A client that leaves must not turn the answer of the others into a failure.
		s.last, s.at = s.Look(context.WithoutCancel(ctx)), time.Now()
	}
	return s.last
}

// age is how old a snapshot may be. A driver that hangs may keep the process that looks; so it is not asked again soon.
func age(seen *gpu.Snapshot) time.Duration {
	if p := seen.Blocking(); p != nil {
		switch p.Code {
		case gpu.ProblemHelperHang, gpu.ProblemNVMLHang, gpu.ProblemCUDAHang:
			return hungAge
		}
	}
	return maxAge
}

func (s *Service) report(w http.ResponseWriter, r *http.Request) error {
	report := Report{Snapshot: s.snapshot(r.Context()), Device: s.Device, Reason: s.Reason, Workers: []worker.Status{}}
	if s.Pool != nil {
		report.Workers, report.Counts = s.Pool.Status(), s.Pool.Counts()
	}
	return api.WriteJSON(w, http.StatusOK, report)
}

// maxRequest bounds the body of a request for memory, in bytes.
const maxRequest = 4096

func (s *Service) free(w http.ResponseWriter, r *http.Request) error {
	asked := struct {
		Level string `json:"level"`
	}{"trim"}
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil && !errors.Is(err, io.EOF) {
		return api.Wrong("body", `must be JSON such as {"level":"trim"}`)
	}
	level, known := levels[asked.Level]
	if !known {
		return api.Wrong("level", "must be trim, for what is not needed, or all, for all that can be done without until the next batch")
	}
	freed := Freed{Level: asked.Level}
	if s.Pool != nil {
		for _, one := range s.Pool.Status() {
			if one.State == worker.Ready || one.State == worker.Busy {
				freed.Workers++
			}
		}
		if err := s.Pool.GiveBack(level); err != nil {
			return &api.Error{Status: http.StatusServiceUnavailable, Message: "a worker does not listen", Err: err}
		}
	}
	return api.WriteJSON(w, http.StatusOK, freed)
}
