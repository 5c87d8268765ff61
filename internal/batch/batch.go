// Package batch shares engines among requests: it packs clips of all of them into batches whose price in bytes is known
// before they run, in an order that is fair by the seconds of sound already served, and stops work that nobody
// waits for any more.
//
// The order is weighted fair queueing (Demers, Keshav, Shenker 1989) in two levels, keys and then each key's requests: a request
// that has had little, such as a new one, comes before one that has had much, and cannot starve it either. An
// engine that computes a long batch looks up between the blocks of the network, and lets a short one through
// where that is fair: both have their places in the arena, and neither's numbers change.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/transcribe"
)

// Options are the bounds of a scheduler. Zero means the default, or no bound where none is given.
type Options struct {
	// Recognizers are of the same model, one on each engine. They belong to the scheduler until Close returns: nobody
	// else may run anything on their engines.
	Recognizers []*transcribe.Recognizer

	// Computers, if any, compute in the place of the recognizers' engines, one for each: in worker processes, perhaps. Batches do not
	// overtake each other on them.
	Computers []Computer

	MaxBatchSegments int           // clips that run together
	MaxBatchTime     time.Duration // that a batch of several may take, by the measured speed; default 30 ms
	MaxArenaBytes    int64         // of each engine's working memory

	MaxQueueBytes   int64         // of sound and features, waiting or running; default 1 GiB
	MaxQueueSeconds float64       // of sound, waiting or running; default one hour
	MaxWait         time.Duration // that a new request may expect to wait, by the measured speed

	// Linger is how long an idle engine waits for clips whose features are being computed, default 2 ms. It waits for
	// nothing else, so a request alone loses nothing. Negative: it never waits.
	Linger time.Duration

	Observer Observer // may be nil
}

const (
	defaultBatchTime    = 30 * time.Millisecond // which is how much later a result comes for the company's sake
	defaultQueueBytes   = 1 << 30
	defaultQueueSeconds = 3600
	defaultLinger       = 2 * time.Millisecond
)

// Computer computes batches. A [sensevoice.Runner] is one. An error that has a method Culprit() int blames the segment at that place
// of the batch; the others can be computed without it.
type Computer interface {
	Run(ctx context.Context, plan *sensevoice.Plan, segments []sensevoice.Segment) (*sensevoice.Output, error)
}

func (o *Options) check() error {
	if len(o.Recognizers) == 0 {
		return errors.New("no engine to run batches on")
	}
	if n := len(o.Computers); n > 0 && n != len(o.Recognizers) {
		return fmt.Errorf("%d computers for %d recognizers", n, len(o.Recognizers))
	}
	for _, bound := range []struct {
		name     string
		negative bool
	}{
		{"segments of a batch", o.MaxBatchSegments < 0},
		{"time of a batch", o.MaxBatchTime < 0},
		{"bytes of the arena", o.MaxArenaBytes < 0},
		{"bytes of the queue", o.MaxQueueBytes < 0},
		{"seconds of the queue", !(o.MaxQueueSeconds >= 0)},
		{"waiting time", o.MaxWait < 0},
	} {
		if bound.negative {
			return fmt.Errorf("the bound on the %s must not be negative", bound.name)
		}
	}
	setDefault(&o.MaxBatchTime, defaultBatchTime)
	setDefault(&o.MaxQueueBytes, defaultQueueBytes)
	setDefault(&o.MaxQueueSeconds, defaultQueueSeconds)
	setDefault(&o.Linger, defaultLinger)
	return nil
}

func setDefault[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

// Scheduler shares engines among requests. Any number of goroutines may use it.
type Scheduler struct {
	o        Options
	devices  []*device
	features chan struct{} // holds as many as there are goroutines that compute features
	workers  sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond // something for idle engines to look at
	queue   queue
	waiting []*waiter // for room, the first come first
	calls   int       // of Recognize, under way
	load    load
	speed   speed // of one engine
	through speed // of everything, from Enter to the result, while there is speech to recognise
	ticked  time.Time
	arena   int64 // bytes of the largest plan
	counts  Counts
	stages  [done + 1]int // clips at each stage, of those ever let in

	preparing map[*clip]struct{}
	expected  map[*Request]expectation // requests that have entered without a clip
	spare     [][]float32              // space for features
	closed    bool
	aborted   bool
	drained   chan struct{} // closed when the scheduler is closed and nothing is left to do
}

// New starts a scheduler. Close ends it.
func New(o Options) (*Scheduler, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Scheduler{
		o: o, queue: newQueue(), preparing: map[*clip]struct{}{}, expected: map[*Request]expectation{}, features: make(chan struct{}, runtime.GOMAXPROCS(0)), drained: make(chan struct{}),
	}
	s.changed.L = &s.mu
	for i, r := range o.Recognizers {
		d, err := newDevice(s, r)
		if len(o.Computers) > 0 {
			d, err = newRemote(s, r, o.Computers[i]), nil
		}
		if err != nil {
			return nil, err
		}
		s.devices = append(s.devices, d)
	}
	for _, d := range s.devices {
		s.workers.Go(d.work)
	}
	return s, nil
}

// Close accepts no more calls, waits for those under way to be done, and ends the scheduler. When ctx ends first, what
// is left fails with [ErrClosed]. Calling it again is fine.
func (s *Scheduler) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.settle()
	s.mu.Unlock()
	var err error
	select {
	case <-s.drained:
	case <-ctx.Done():
		err = context.Cause(ctx)
		s.abort()
	}
	s.workers.Wait()
	return err
}

// settle notices, under mu, that a closed scheduler has nothing left to do.
func (s *Scheduler) settle() {
	if s.closed && !s.over() && s.calls == 0 && s.load.clips == 0 {
		close(s.drained)
		s.changed.Broadcast()
	}
}

func (s *Scheduler) over() bool {
	select {
	case <-s.drained:
		return true
	default:
		return false
	}
}

// abort fails whatever is left. Clips that run end at the next block.
func (s *Scheduler) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aborted = true
	for _, w := range slices.Clone(s.waiting) { // which changes as calls end
		w.clip.call.end(ErrClosed)
	}
	for c := s.queue.head(); c != nil; c = s.queue.head() {
		c.call.end(ErrClosed)
	}
	for _, d := range s.devices {
		for _, l := range []*lane{&d.main, &d.express} {
			if l.batch == nil {
				continue
			}
			for _, c := range l.batch.clips {
				c.call.end(ErrClosed)
			}
		}
	}
}

// lengthOf is how long so many samples last.
func lengthOf(samples int) float64 { return float64(samples) / audio.SampleRate }
