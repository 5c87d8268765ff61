package batch

import (
	"errors"
	"time"
)

// Observer is told what a scheduler does, from its goroutines: methods return at once and may be called from several
// goroutines. A server's metrics are one.
type Observer interface {
	Batch(BatchReport)
	Clip(ClipReport)
	Refused(error) // *BusyError, *TooLargeError
}

// BatchReport is about a batch that has run.
type BatchReport struct {
	Engine     string
	Segments   int
	Seconds    float64       // of sound
	Encode     time.Duration // on the engine, without what overtook it
	ArenaBytes int64         // planned for it
	Overtook   bool          // it ran between two blocks of a longer batch
	Err        error
}

// ClipReport is about a clip whose result is ready.
type ClipReport struct {
	Seconds float64       // of sound
	Queue   time.Duration // waiting for room, for company and for the engine
	Feature time.Duration
	Encode  time.Duration // its part of the batch
}

// Stats is the state of a scheduler at one moment.
type Stats struct {
	Queued  int     // clips that wait for an engine
	Running int     // clips
	Waiting int     // clips that wait for room in the queue
	Seconds float64 // of sound, of all clips with room in the queue, features being computed and running ones included
	Bytes   int64   // likewise

	Speed      float64 // measured: seconds of sound computed per second by one engine; 0 before the first batch
	Engines    int
	ArenaBytes int64 // planned for the largest batch so far, of one engine

	Counts
}

// Counts are what has happened since the start.
type Counts struct {
	Batches   uint64
	Clips     uint64 // with a result
	Cancelled uint64 // clips whose caller left, or whose deadline passed
	Failed    uint64 // clips
	Overtakes uint64 // batches that ran between two blocks of a longer one
	Halvings  uint64 // batches made smaller since the engine was refused memory
	Busy      uint64 // requests refused because of the queue's bounds
	TooLarge  uint64 // requests refused because of their size
}

// refused counts a refusal and tells the observer. Nil and other errors are none.
func (s *Scheduler) refused(err error) {
	var busy *BusyError
	var large *TooLargeError
	isBusy, isLarge := errors.As(err, &busy), errors.As(err, &large)
	if !isBusy && !isLarge {
		return
	}
	s.mu.Lock()
	if isBusy {
		s.counts.Busy++
	} else {
		s.counts.TooLarge++
	}
	s.mu.Unlock()
	if s.o.Observer != nil {
		s.o.Observer.Refused(err)
	}
}

// Stats returns the present state.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Queued: s.stages[queued], Running: s.stages[running], Waiting: len(s.waiting), Seconds: s.load.seconds, Bytes: s.load.bytes,
		Speed: s.speed.value, Engines: len(s.devices), ArenaBytes: s.arena, Counts: s.counts,
	}
}

// speed is the measured seconds of sound per second of work: a mean in which what took longer counts more, and the past fades
// within seconds of work.
type speed struct {
	value        float64 // 0: not measured yet
	sound, spent float64
}

// memory is how many seconds of work the mean reaches back, about.
const memory = 2.0

func (v *speed) measure(sound float64, spent time.Duration) {
	v.sound += sound
	v.spent += max(0, spent.Seconds())
	if v.spent == 0 {
		return
	}
	v.value = v.sound / v.spent
	if v.spent > memory {
		v.sound *= memory / v.spent
		v.spent = memory
	}
}

// time estimates how long so many seconds of sound take; 0 if nothing was measured yet.
func (v *speed) time(sound float64) time.Duration {
	if v.value == 0 {
		return 0
	}
	return time.Duration(sound / v.value * float64(time.Second))
}

// within estimates how many seconds of sound are computed in that time.
func (v *speed) within(t time.Duration) float64 { return t.Seconds() * v.value }
