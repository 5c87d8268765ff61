package batch

import (
	"context"
	"time"

	"sensevoice/internal/sensevoice"
	"sensevoice/internal/transcribe"
)

// stage is where a clip is.
type stage int

const (
	outside   stage = iota // not let in yet
	preparing              // let in; its features are being computed
	queued                 // waiting for an engine
	running                // in a batch
	done                   // let out, with a result or without
)

// clip is one clip on its way through the scheduler.
type clip struct {
	call    *call
	flow    *flow
	sound   transcribe.Clip
	rows    int
	seconds float64
	bytes   int64 // of host memory while it is inside

	// Under the scheduler's mu:
	stage  stage
	batch  *batch
	finish [2]float64 // on the virtual clocks of its key's level and of the root, once taken

	segment  sensevoice.Segment // by the request's goroutine before it is queued, by the engine's after
	ids      []int32            // the answer
	logProbs []float32
	came     time.Time
	report   ClipReport
}

// call is one call of Recognize.
type call struct {
	request *Request
	clips   []*clip

	// Under the scheduler's mu:
	left int           // clips without a result
	err  error         // of the first clip that failed
	over chan struct{} // closed when all clips have results, or one failed
}

// newCall measures clips and refuses those that can never run.
func (r *Request) newCall(clips []transcribe.Clip) (*call, error) {
	k := &call{request: r, clips: make([]*clip, len(clips)), left: len(clips), over: make(chan struct{})}
	if len(clips) == 0 {
		close(k.over)
	}
	for i, sound := range clips {
		c := &clip{call: k, flow: r.flow, sound: sound, rows: r.s.o.Recognizers[0].Rows(len(sound.Samples)), seconds: lengthOf(len(sound.Samples))}
		if err := r.s.price(c); err != nil {
			return nil, err
		}
		k.clips[i] = c
	}
	return k, nil
}

// price computes a clip's host memory, and refuses one that is too large for any engine or for the queue.
func (s *Scheduler) price(c *clip) error {
	if c.rows == 0 {
		_, err := s.o.Recognizers[0].Prepare(c.sound, nil)
		return err
	}
	var tooLarge *TooLargeError
	fits := false
	for _, d := range s.devices {
		plan, err := d.network.Plan([]int{c.rows})
		if err != nil {
			return err
		}
		samples, features := 4*int64(len(c.sound.Samples)), 4*int64(c.rows)*int64(d.network.Config.Input)
		c.bytes = samples + features + plan.Host
		limit := d.main.limit
		fits = fits || plan.Arena <= limit
		if tooLarge == nil || limit > tooLarge.Limit {
			tooLarge = &TooLargeError{What: "working memory", Seconds: c.seconds, Need: plan.Arena, Limit: limit}
		}
	}
	if c.bytes > s.o.MaxQueueBytes {
		fits, tooLarge = false, &TooLargeError{What: "the queue", Seconds: c.seconds, Need: c.bytes, Limit: s.o.MaxQueueBytes}
	}
	if fits {
		return nil
	}
	s.refused(tooLarge)
	return tooLarge
}

// run sends the clips through, and waits.
func (k *call) run(ctx context.Context) error {
	for _, c := range k.clips {
		if err := k.submit(ctx, c); err != nil {
			return err
		}
	}
	select {
	case <-k.over:
		return k.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// submit lets a clip in, computes its features and queues it.
func (k *call) submit(ctx context.Context, c *clip) error {
	s := k.request.s
	c.came = time.Now()
	if err := s.enter(ctx, c); err != nil {
		return err
	}
	select {
	case s.features <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-k.over:
		return k.err
	}
	start := time.Now()
	segment, err := s.o.Recognizers[0].Prepare(c.sound, s.space())
	<-s.features
	c.segment, c.report.Feature = segment, time.Since(start)
	if err != nil {
		return err
	}
	return s.enqueue(c)
}

// space returns room for features that were used before, if there is some.
func (s *Scheduler) space() []float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.spare) - 1
	if last < 0 {
		return nil
	}
	space := s.spare[last]
	s.spare = s.spare[:last]
	return space
}

// mostSpare is how many spaces for features are kept, and spareFeatures how large they may be: 30 s of sound.
const (
	mostSpare     = 16
	spareFeatures = 500 * 560
)

// enqueue lets the engines have a clip, unless its call has failed meanwhile.
func (s *Scheduler) enqueue(c *clip) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aborted {
		return ErrClosed
	}
	if c.call.err != nil {
		return c.call.err
	}
	s.move(c, queued)
	s.queue.push(c)
	s.changed.Broadcast()
	return nil
}

// move notes a clip's stage.
func (s *Scheduler) move(c *clip, to stage) {
	s.stages[c.stage]--
	s.stages[to]++
	if c.stage == preparing {
		delete(s.preparing, c)
	}
	if to == preparing {
		s.preparing[c] = struct{}{}
	}
	c.stage = to
}

// abandon ends a call that will not be waited for.
func (s *Scheduler) abandon(k *call, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.end(err)
	for _, c := range k.clips {
		if c.stage == preparing { // by this goroutine, which has stopped
			s.release(c)
		}
	}
}

// end makes a call fail, under mu: what it has in the queue leaves it, and a batch in which nobody waits for anything stops.
func (k *call) end(err error) {
	if k.err != nil || k.left == 0 {
		return
	}
	k.err = err
	close(k.over)
	s := k.request.s
	for _, c := range k.clips {
		switch c.stage {
		case queued:
			s.queue.remove(c)
			s.count(err)
			s.release(c)
		case running:
			c.batch.leave()
		}
	}
}

// reason says why a call's clip is not waited for any more: the call has failed, or the caller has left.
func (k *call) reason(ctx context.Context) error {
	if k.err != nil {
		return k.err
	}
	return context.Cause(ctx)
}

// times adds up what the clips took.
func (k *call) times() transcribe.Times {
	k.request.s.mu.Lock()
	defer k.request.s.mu.Unlock()
	var t transcribe.Times
	for _, c := range k.clips {
		t.Feature += c.report.Feature
		t.Encode += c.report.Encode
	}
	return t
}
