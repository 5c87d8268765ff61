package batch

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/transcribe"
)

// expressSeconds is the longest sound for which there is always a place at the beginning of the arena, so that it can
// overtake a longer batch.
const expressSeconds = 10

// device is an engine and the goroutine that runs batches on it.
type device struct {
	s       *Scheduler
	network *sensevoice.Network
	main    lane
	express lane // before the main one in the arena, for what overtakes
}

// lane is a part of the arena, in which one batch runs at a time.
type lane struct {
	runner *sensevoice.Runner
	offset int64
	limit  int64  // bytes of a batch's buffers
	batch  *batch // that is running; changed under the scheduler's mu
}

// batch is clips that run together.
type batch struct {
	clips  []*clip
	plan   *sensevoice.Plan
	ctx    context.Context
	cancel context.CancelFunc
	live   int // clips that somebody waits for; under the scheduler's mu

	start time.Time
	away  time.Duration // that the engine was lent to others
}

func newDevice(s *Scheduler, r *transcribe.Recognizer) (*device, error) {
	n := r.Network()
	plan, err := n.Plan([]int{r.Rows(expressSeconds * audio.SampleRate)})
	if err != nil {
		return nil, err
	}
	d := &device{s: s, network: n, main: lane{runner: n.NewRunner(), limit: math.MaxInt64}, express: lane{runner: n.NewRunner()}}
	if limit := s.o.MaxArenaBytes; limit > 0 {
		d.main.limit = limit
	}
	if plan.Arena <= d.main.limit/4 { // else one lane of some size is better
		d.express.limit, d.main.offset = plan.Arena, plan.Arena
		d.main.limit -= plan.Arena
		d.main.runner.Between = d.between
	}
	return d, nil
}

// work runs batches until the scheduler is closed and has nothing left to do.
func (d *device) work() {
	for b := d.next(); b != nil; b = d.next() {
		d.compute(b, &d.main)
	}
}

// next waits for a batch; nil means the end.
func (d *device) next() *batch {
	s := d.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var lingering time.Time // since when; zero: not
	for !s.over() {
		if s.queue.head() == nil {
			lingering = time.Time{}
			s.changed.Wait()
			continue
		}
		if s.stages[preparing] > 0 && s.o.Linger > 0 && !s.full() {
			if lingering.IsZero() {
				lingering = time.Now()
			}
			if rest := s.o.Linger - time.Since(lingering); rest > 0 {
				s.sleep(rest)
				continue
			}
		}
		b := s.pack(d, &d.main, s.speed.within(s.o.MaxBatchTime), nil)
		if b == nil { // the next clip is for another engine, with more memory
			s.changed.Wait()
			continue
		}
		return b
	}
	return nil
}

// full tells whether company would change nothing: what waits is a batch already.
func (s *Scheduler) full() bool {
	waiting := s.stages[queued]
	return s.o.MaxBatchSegments > 0 && waiting >= s.o.MaxBatchSegments ||
		s.queue.head().seconds >= s.speed.within(s.o.MaxBatchTime)
}

// sleep waits, under mu, for a change or for some time.
func (s *Scheduler) sleep(t time.Duration) {
	timer := time.AfterFunc(t, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	s.changed.Wait()
	timer.Stop()
}

// pack takes clips for a lane in their order, as long as the batch stays within its bytes and, but for the first, within seconds of
// sound, and as long as each passes. It returns nil if the first does not.
func (s *Scheduler) pack(d *device, l *lane, most float64, pass func(*clip) bool) *batch {
	var clips []*clip
	var rows []int
	var plan *sensevoice.Plan
	total := 0.0
	for c := s.queue.head(); c != nil; c = s.queue.head() {
		if pass != nil && !pass(c) || s.o.MaxBatchSegments > 0 && len(rows) == s.o.MaxBatchSegments {
			break
		}
		if total += c.seconds; len(rows) > 0 && total > most {
			break
		}
		rows = append(rows, c.rows)
		p, err := d.network.Plan(rows)
		if err != nil || p.Arena > l.limit {
			break
		}
		clips, plan = append(clips, s.queue.take()), p
		s.move(c, running)
	}
	if len(clips) == 0 {
		return nil
	}
	l.batch = newBatch(clips, plan)
	return l.batch
}

// newBatch makes a batch of clips that have left the queue, under mu. It stops when nobody waits for any of them.
func newBatch(clips []*clip, plan *sensevoice.Plan) *batch {
	b := &batch{clips: clips, plan: plan}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, c := range clips {
		c.batch = b
		if c.call.err == nil {
			b.live++
		}
	}
	if b.live == 0 {
		b.cancel()
	}
	return b
}

// leave notes that one clip less is waited for.
func (b *batch) leave() {
	if b.live--; b.live == 0 {
		b.cancel()
	}
}

// between lets short batches overtake the one that is running.
func (d *device) between(done, blocks int) {
	for b := d.overtaker(done, blocks); b != nil; b = d.overtaker(done, blocks) {
		start := time.Now()
		d.compute(b, &d.express)
		d.main.batch.away += time.Since(start)
	}
}

// overtaker takes the clips that are to run before the rest of the running batch: those that by their turn should be done
// before it, and that take less time than it still needs.
func (d *device) overtaker(done, blocks int) *batch {
	s, b := d.s, d.main.batch
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.head() == nil {
		return nil
	}
	spent := time.Since(b.start) - b.away
	rest := s.speed.within(spent * time.Duration(blocks-done) / time.Duration(done))
	return s.pack(d, &d.express, min(rest, s.speed.within(s.o.MaxBatchTime)), func(c *clip) bool {
		return c.seconds < rest && s.queue.precedes(c, b.clips[0])
	})
}

// compute runs a batch in a lane. One that fails is run again in halves, down to single clips: if memory was refused, there
// may be enough for less, and if a clip is damaged, others must not suffer.
func (d *device) compute(b *batch, l *lane) {
	defer b.cancel()
	b.plan.Move(l.offset)
	out, encode, err := d.run(b, l)
	if err != nil && b.ctx.Err() == nil && len(b.clips) > 1 {
		half := len(b.clips) / 2
		d.again(b.clips[:half], l)
		d.again(b.clips[half:], l)
		return
	}
	if err == nil {
		for i, c := range b.clips {
			from, to := out.Starts[i], out.Starts[i+1]
			c.ids, c.logProbs = slices.Clone(out.IDs[from:to]), slices.Clone(out.LogProbs[from:to])
		}
	}
	d.finish(b, l, encode, err)
}

func (d *device) run(b *batch, l *lane) (*sensevoice.Output, time.Duration, error) {
	if err := d.network.Engine().Reserve(b.plan.Arena); err != nil {
		return nil, 0, &MemoryError{b.plan.Arena, err}
	}
	segments := make([]sensevoice.Segment, len(b.clips))
	for i, c := range b.clips {
		segments[i] = c.segment
	}
	b.start = time.Now()
	out, err := l.runner.Run(b.ctx, b.plan, segments)
	return out, time.Since(b.start) - b.away, err
}

// again runs a part of a batch that failed.
func (d *device) again(clips []*clip, l *lane) {
	rows := make([]int, len(clips))
	for i, c := range clips {
		rows[i] = c.rows
	}
	plan, err := d.network.Plan(rows)
	if err != nil {
		panic("batch: no plan for a part of a batch that had one: " + err.Error())
	}
	s := d.s
	s.mu.Lock()
	b := newBatch(clips, plan)
	l.batch = b
	s.counts.Halvings++
	s.mu.Unlock()
	d.compute(b, l)
}

// finish hands out a batch's results, or the error to those who still wait for it.
func (d *device) finish(b *batch, l *lane, encode time.Duration, err error) {
	report := BatchReport{
		Engine: d.network.Engine().Name(), Segments: len(b.clips), Encode: encode, ArenaBytes: b.plan.Arena, Overtook: l == &d.express, Err: err,
	}
	for _, c := range b.clips {
		report.Seconds += c.seconds
	}
	starts, share := b.plan.Batch.Starts, float64(encode)/float64(b.plan.Batch.Rows())
	var ready []ClipReport
	s := d.s
	s.mu.Lock()
	s.note(&report)
	for i, c := range b.clips {
		c.report.Encode = time.Duration(share * float64(starts[i+1]-starts[i]))
		c.report.Queue = b.start.Sub(c.came) - c.report.Feature
		if s.deliver(c, err) {
			ready = append(ready, c.report)
		}
	}
	l.batch = nil
	s.mu.Unlock()
	if s.o.Observer == nil {
		return
	}
	s.o.Observer.Batch(report)
	for _, r := range ready {
		s.o.Observer.Clip(r)
	}
}

// note keeps account of a batch, under mu.
func (s *Scheduler) note(r *BatchReport) {
	s.counts.Batches++
	if r.Overtook {
		s.counts.Overtakes++
	}
	if r.Err == nil {
		s.arena = max(s.arena, r.ArenaBytes)
		s.speed.measure(r.Seconds, r.Encode)
	}
}

// deliver takes a clip out of a batch, under mu, and tells whether its caller gets a result.
func (s *Scheduler) deliver(c *clip, err error) (ready bool) {
	s.queue.done(c)
	s.keep(c.segment.Features)
	k := c.call
	c.segment.Features, c.batch = nil, nil
	switch {
	case k.err != nil:
		s.count(k.err)
	case err != nil:
		s.count(err)
		s.release(c)
		k.end(err)
		return false
	default:
		s.counts.Clips++
		k.request.usage.add(c)
		if k.left--; k.left == 0 {
			close(k.over)
		}
	}
	s.release(c)
	return k.err == nil
}

// count notes a clip that has no result.
func (s *Scheduler) count(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		s.counts.Cancelled++
	} else {
		s.counts.Failed++
	}
}

// keep keeps space for features for others.
func (s *Scheduler) keep(space []float32) {
	if len(s.spare) < mostSpare && cap(space) <= spareFeatures {
		s.spare = append(s.spare, space)
	}
}
