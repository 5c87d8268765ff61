package batch

import (
	"context"
	"slices"
	"time"

	"sensevoice/internal/audio"
)

// load is what has been let in and is not done yet.
type load struct {
	clips   int
	seconds float64
	bytes   int64
}

// waiter is a clip of a request that is already served in part: it waits for room where a new request would be refused.
type waiter struct {
	clip *clip
	room chan struct{} // closed when there is
}

// begin counts a call in, unless the scheduler is closed; leave counts it out.
func (s *Scheduler) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.calls++
	return nil
}

func (s *Scheduler) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls--
	s.settle()
}

// Enter lets the request in before its first clip is known, or refuses it with [*BusyError]. It is expected to have a first clip of
// that many seconds, 0 if that is not known: until that clip comes, or Leave, others count with it. So what has been let in is
// bounded while it is still being decoded, and nothing is decoded in vain.
func (r *Request) Enter(seconds float64) error {
	if seconds == 0 {
		seconds = usualSeconds
	}
	s := r.s
	s.mu.Lock()
	err := ErrClosed
	if !s.closed {
		err = nil
		if !r.admitted {
			err = s.refusal(r.flow.name, seconds, int64(seconds*bytesPerSecond))
		}
	}
	if err == nil {
		r.admitted = true
		s.expected[r] = expectation{seconds, time.Now()}
	}
	s.mu.Unlock()
	s.refused(err)
	return err
}

// Leave tells that a request which has entered has no more clips. To call it more than once is fine.
func (r *Request) Leave() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	delete(r.s.expected, r)
}

// expectation is of a request's first clip.
type expectation struct {
	seconds float64 // of sound
	since   time.Time
}

// arrived ends the expectation of a request's first clip. If no other clip is inside, time counts from when the request entered. What
// recordings without speech take is never counted: they bring no sound, and a queue that is empty would seem to take for ever.
func (s *Scheduler) arrived(r *Request) {
	if s.load.clips == 0 {
		since := time.Now()
		if e, ok := s.expected[r]; ok {
			since = e.since
		}
		if since.After(s.ticked) {
			s.ticked = since
		}
	}
	delete(s.expected, r)
	s.tick(0)
}

// tick counts the time since the last tick, and seconds of sound that are done.
func (s *Scheduler) tick(sound float64) {
	now := time.Now()
	s.through.measure(sound, now.Sub(s.ticked))
	s.ticked = now
}

// busy tells whether there is anything to do, on an engine or before it.
func (s *Scheduler) busy() bool { return s.load.clips > 0 || len(s.expected) > 0 }

// enter lets a clip in. The first of a request is refused with [*BusyError] beyond the bounds; others wait.
func (s *Scheduler) enter(ctx context.Context, c *clip) error {
	s.mu.Lock()
	var w *waiter
	var err error
	switch r := c.call.request; {
	case s.aborted:
		err = ErrClosed
	case !r.admitted:
		if err = s.refusal(c.flow.name, c.seconds, c.bytes); err == nil {
			r.admitted = true
			s.admit(c)
		}
	default:
		w = &waiter{clip: c, room: make(chan struct{})}
		s.waiting = append(s.waiting, w)
		s.grant()
	}
	s.mu.Unlock()
	if w != nil {
		return s.wait(ctx, w)
	}
	s.refused(err)
	return err
}

func (s *Scheduler) wait(ctx context.Context, w *waiter) error {
	select {
	case <-w.room:
		return nil
	case <-ctx.Done():
	case <-w.clip.call.over:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.waiting {
		if other == w {
			s.waiting = slices.Delete(s.waiting, i, i+1)
			s.grant()
			return w.clip.call.reason(ctx)
		}
	}
	return nil // there was room at the same moment
}

// admit counts a clip in.
func (s *Scheduler) admit(c *clip) {
	s.arrived(c.call.request)
	s.move(c, preparing)
	c.call.request.inside++
	c.call.request.seconds += c.seconds
	s.load.clips++
	s.load.seconds += c.seconds
	s.load.bytes += c.bytes
}

// release counts a clip out, whatever became of it, and lets others in.
func (s *Scheduler) release(c *clip) {
	s.move(c, done)
	c.call.request.inside--
	c.call.request.seconds -= c.seconds
	s.load.clips--
	s.load.bytes -= c.bytes
	if s.load.seconds -= c.seconds; s.load.clips == 0 {
		s.load.seconds = 0 // no rounding error remains
	}
	s.grant()
	s.settle()
}

// grant lets waiting clips in, the first come first; those whose request has enough inside let others pass.
func (s *Scheduler) grant() {
	for i := s.nextWaiting(0); i >= 0 && s.fits(s.waiting[i].clip); i = s.nextWaiting(i) {
		w := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.admit(w.clip)
		close(w.room)
	}
}

// nextWaiting returns the first waiting clip from place i on whose request may have more inside; -1 if there is none.
func (s *Scheduler) nextWaiting(i int) int {
	for ; i < len(s.waiting); i++ {
		if r := s.waiting[i].clip.call.request; r.inside < leastInside || r.seconds < 2*s.speed.within(s.o.MaxBatchTime) {
			return i
		}
	}
	return -1
}

// leastInside is how many clips of one request may be inside at any speed: one to run, and one to follow it. More, except to
// fill batches, would only cost memory, and time that others need.
const leastInside = 2

// fits tells whether there is room for a clip of a request that has been let in before. Such requests leave half of the
// room to new ones, except for the one clip that keeps each going.
func (s *Scheduler) fits(c *clip) bool {
	part := 0.5
	if c.call.request.inside == 0 {
		part = 1
	}
	return s.load.clips == 0 ||
		float64(s.load.bytes+c.bytes) <= part*float64(s.o.MaxQueueBytes) && s.load.seconds+c.seconds <= part*s.o.MaxQueueSeconds
}

// refusal says why a new request of the key is not let in with a first clip of that size, nil if it is.
func (s *Scheduler) refusal(key string, seconds float64, bytes int64) error {
	if !s.busy() {
		return nil
	}
	wait := s.through.time(s.ahead(key, seconds))
	excess := max(s.load.seconds+seconds-s.o.MaxQueueSeconds, float64(s.load.bytes+bytes-s.o.MaxQueueBytes)/bytesPerSecond)
	if s.load.clips == 0 {
		excess = 0 // an empty queue takes anything
	}
	retry := s.through.time(max(excess, 0))
	if s.o.MaxWait > 0 && wait > s.o.MaxWait {
		retry = max(retry, wait-s.o.MaxWait)
	}
	next := s.nextWaiting(0)
	starved := next >= 0 && s.waiting[next].clip.call.request.inside == 0
	if excess <= 0 && !starved && (s.o.MaxWait == 0 || wait <= s.o.MaxWait) {
		return nil
	}
	return &BusyError{RetryAfter: max(retry, leastRetry), Wait: wait, QueueSeconds: s.load.seconds, QueueBytes: s.load.bytes}
}

// ahead estimates how many seconds of sound are served before a new request's first clip: of what is queued its fair share, and
// of all that is expected, being prepared or running no more than the clip itself has.
func (s *Scheduler) ahead(key string, seconds float64) float64 {
	total := s.queue.ahead(key, seconds)
	for _, expected := range s.expected {
		total += min(expected.seconds, seconds)
	}
	for c := range s.preparing {
		total += min(c.seconds, seconds)
	}
	for _, d := range s.devices {
		for _, l := range []*lane{&d.main, &d.express} {
			if l.batch == nil {
				continue
			}
			for _, c := range l.batch.clips {
				total += min(c.seconds, seconds)
			}
		}
	}
	return total
}

// bytesPerSecond is about what a second of sound takes in the queue: samples, features, and the batch's rows and positions.
const bytesPerSecond = 4*audio.SampleRate + 3*4*560*1000/60

// leastRetry is the shortest time after which it makes sense to come again.
const leastRetry = 100 * time.Millisecond
