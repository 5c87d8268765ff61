package batch

import (
	"context"
	"time"

	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// Ticket says whose work a request is.
type Ticket struct {
	ID       string    // for people; "" is fine
	Key      string    // who pays: requests of one key share what the key gets. An API key, else an address
	Deadline time.Time // zero: none. Then the request fails with [*DeadlineError]

	// Admitted says that the caller has let the request in, as a server does when it opens a connection for a live stream:
	// its clips wait for room, and never fail with [*BusyError].
	Admitted bool
}

// Request is one request's place in the queue. It is a [transcribe.Decoder]. It need not be closed; one that has
// entered before its first clip leaves.
type Request struct {
	ticket Ticket
	s      *Scheduler
	flow   *flow

	// Under the scheduler's mu:
	admitted bool    // a clip has been let in
	inside   int     // clips
	seconds  float64 // of sound inside
	usage    Usage
}

// Usage is what a request has had so far.
type Usage struct {
	Seconds float64       // of sound
	Queue   time.Duration // of its clips, added up: waiting for room, for company and for the engine
	Feature time.Duration
	Encode  time.Duration // its clips' parts of their batches
}

func (u *Usage) add(c *clip) {
	u.Seconds += c.seconds
	u.Queue += c.report.Queue
	u.Feature += c.report.Feature
	u.Encode += c.report.Encode
}

var _ transcribe.Decoder = (*Request)(nil)

// Request makes a place for a request. Whether there is room is decided by Enter, or else when its first clip comes; [Scheduler.Check]
// tells before.
func (s *Scheduler) Request(t Ticket) *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Request{ticket: t, s: s, flow: s.queue.newFlow(t.Key), admitted: t.Admitted}
}

// Usage returns what the request has had so far.
func (r *Request) Usage() Usage {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.usage
}

// usualSeconds is taken for the length of a clip that is not known yet.
const usualSeconds = 3

// Check answers what a new request of the key, with a first clip of that many seconds, 0 if that is not known, would be
// answered now: nil, [*BusyError] or [ErrClosed]. It saves reading and decoding what is then
// refused; a refusal counts as one.
func (s *Scheduler) Check(key string, seconds float64) error {
	if seconds == 0 {
		seconds = usualSeconds
	}
	s.mu.Lock()
	err := ErrClosed
	if !s.closed {
		err = s.refusal(key, seconds, int64(seconds*bytesPerSecond))
	}
	s.mu.Unlock()
	s.refused(err)
	return err
}

// Recognize implements [transcribe.Decoder]: it decodes clips, in batches with those of other requests, and answers a
// segment for each, in their order, with times from the clip's start. When ctx ends, so does all work on the clips.
// Errors are those of a Recognizer, [*BusyError], [*TooLargeError], [*MemoryError], [*DeadlineError] and [ErrClosed].
func (r *Request) Recognize(ctx context.Context, clips []transcribe.Clip) ([]transcript.Segment, transcribe.Times, error) {
	if !r.ticket.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, r.ticket.Deadline, &DeadlineError{r.ticket.Deadline})
		defer cancel()
	}
	if ctx.Err() != nil {
		return nil, transcribe.Times{}, context.Cause(ctx)
	}
	if err := r.s.begin(); err != nil {
		return nil, transcribe.Times{}, err
	}
	defer r.s.leave()
	k, err := r.newCall(clips)
	if err != nil {
		return nil, transcribe.Times{}, err
	}
	if err := k.run(ctx); err != nil {
		r.s.abandon(k, err)
		return nil, k.times(), err
	}
	segments := make([]transcript.Segment, len(clips))
	for i, c := range k.clips {
		if segments[i], err = r.s.o.Recognizers[0].Read(c.sound, c.ids, c.logProbs); err != nil {
			return nil, k.times(), err
		}
	}
	return segments, k.times(), nil
}
