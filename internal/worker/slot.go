package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Options say how one worker is started.
type Options struct {
	Name    string                      // "cuda:4"
	Command []string                    // program and arguments; it calls Serve
	Env     []string                    // in addition to this process's: CUDA_VISIBLE_DEVICES and the like
	Memory  int                         // bytes of shared memory, half of it for either way; 0: 64 MiB
	Start   time.Duration               // that starting may take; 0: 60 s
	Probe   func(context.Context) error // looks whether starting makes sense, after many failures; nil: always
	Log     *slog.Logger                // nil: none
}

// State is what a worker is doing.
type State string

// The states. A worker goes from Starting to Ready, and when it ends to Pausing, from where it starts anew. Stuck is
// a process that cannot be ended; its GPU is left alone until it is gone.
const (
	Starting State = "starting"
	Ready    State = "ready"
	Busy     State = "busy"
	Pausing  State = "pausing"
	Stuck    State = "stuck"
)

// Status is a worker's state, for people and metrics.
type Status struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Starts   int       `json:"starts"`
	Failures int       `json:"failures"` // in all
	Last     string    `json:"last_failure,omitempty"`
	Since    time.Time `json:"since"`
}

// task is a batch on its way.
type task struct {
	items    [][]byte
	deadline time.Duration
	done     chan outcome // takes one without waiting
}

type outcome struct {
	results [][]byte
	err     error
}

// slot keeps one worker alive.
type slot struct {
	options Options
	open    func(context.Context) (session, error)
	pool    *Pool

	mu       sync.Mutex
	status   Status
	session  session     // nil unless one is up
	failures []time.Time // in the window, the oldest first
}

// run starts and restarts the worker until ctx ends.
func (s *slot) run(ctx context.Context) {
	for s.pause(ctx) {
		s.set(Starting, nil)
		if err := s.probe(ctx); err != nil {
			s.failed(err)
			continue
		}
		one, err := s.open(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.failed(err)
			}
			continue
		}
		s.set(Ready, one)
		s.pool.readiness(1)
		s.log().Info("a worker is up", "worker", s.options.Name, "pid", one.pid())
		err = s.serve(ctx, one)
		s.pool.readiness(-1)
		if err != nil {
			s.failed(err)
		}
		one.end()
		s.leave(ctx, one)
	}
}

// pause waits as long as past failures want, and tells whether to go on.
func (s *slot) pause(ctx context.Context) bool {
	s.mu.Lock()
	now := time.Now()
	for len(s.failures) > 0 && now.Sub(s.failures[0]) > failWindow {
		s.failures = s.failures[1:]
	}
	wait := pauses[min(len(s.failures), len(pauses)-1)]
	s.mu.Unlock()
	if wait > 0 {
		s.set(Pausing, nil)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func (s *slot) probe(ctx context.Context) error {
	s.mu.Lock()
	many := len(s.failures) >= restAfter
	s.mu.Unlock()
	if !many || s.options.Probe == nil {
		return nil
	}
	return s.options.Probe(ctx)
}

// serve takes batches until the worker is of no use any more. It returns why, or nil if ctx ended.
func (s *slot) serve(ctx context.Context, one session) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-one.dead():
			return one.cause()
		case t := <-s.pool.work:
			s.set(Busy, one)
			results, err := one.exchange(t.items, t.deadline)
			var refused *BatchError
			if err == nil || errors.As(err, &refused) {
				t.done <- outcome{results, err}
				s.set(Ready, one)
				continue
			}
			t.done <- outcome{nil, &DiedError{s.options.Name, err}}
			return err
		}
	}
}

// leave waits until the process is gone, so that no second one comes to a GPU whose first still holds it.
func (s *slot) leave(ctx context.Context, one session) {
	stuck := time.NewTimer(2 * termPatient)
	defer stuck.Stop()
	for {
		select {
		case <-one.gone():
			return
		case <-stuck.C:
			s.set(Stuck, one)
			s.log().Error("a GPU worker cannot be ended: its driver hangs; the GPU is left alone", "worker", s.options.Name, "pid", one.pid())
		case <-ctx.Done():
			select {
			case <-one.gone():
			case <-time.After(2 * termPatient):
			}
			return
		}
	}
}

func (s *slot) set(state State, one session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == Ready && s.status.State == Starting {
		s.status.Starts++
	}
	s.session, s.status.PID = one, 0
	if one != nil {
		s.status.PID = one.pid()
	}
	if s.status.State != state {
		s.status.State, s.status.Since = state, time.Now()
	}
}

func (s *slot) failed(err error) {
	s.mu.Lock()
	s.failures = append(s.failures, time.Now())
	s.status.Failures++
	s.status.Last = err.Error()
	count := len(s.failures)
	s.mu.Unlock()
	s.log().Warn("a worker ended", "worker", s.options.Name, "error", err, "failures_in_10_minutes", count)
}

func (s *slot) log() *slog.Logger {
	if s.options.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.options.Log
}

// current returns the session that is up, or nil.
func (s *slot) current() session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}
