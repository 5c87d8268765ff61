package batch

import (
	"context"
	"errors"
	"slices"
	"time"

	"sensevoice/internal/sensevoice"
)

// compute runs a batch in a lane. One that fails is run again in halves, down to single clips: if memory was refused, there
// may be enough for less, and if a clip is damaged, others must not suffer.
func (d *device) compute(b *batch, l *lane) {
	defer b.cancel()
	b.plan.Move(l.offset)
	out, encode, err := d.run(b, l)
	if err != nil && b.ctx.Err() == nil && len(b.clips) > 1 {
		if i, known := culprit(err, len(b.clips)); known {
			d.condemn(b.clips[i], l, err)
			d.again(slices.Delete(slices.Clone(b.clips), i, i+1), l)
			return
		}
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

// culprit returns the place of the clip that an error blames, of so many.
func culprit(err error, clips int) (i int, known bool) {
	var one interface{ Culprit() int }
	if !errors.As(err, &one) {
		return 0, false
	}
	i = one.Culprit()
	return i, 0 <= i && i < clips
}

func (d *device) run(b *batch, l *lane) (*sensevoice.Output, time.Duration, error) {
	if !d.remote {
		if err := d.network.Engine().Reserve(b.plan.Arena); err != nil {
			return nil, 0, &MemoryError{b.plan.Arena, err}
		}
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
func (d *device) again(clips []*clip, l *lane) { d.compute(d.part(clips, l), l) }

// condemn ends a clip that must not be tried again.
func (d *device) condemn(c *clip, l *lane, err error) {
	b := d.part([]*clip{c}, l)
	defer b.cancel()
	b.start = time.Now()
	d.finish(b, l, 0, err)
}

// part makes a batch of a part of one.
func (d *device) part(clips []*clip, l *lane) *batch {
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
	return b
}

// finish hands out a batch's results, or the error to those who still wait for it.
func (d *device) finish(b *batch, l *lane, encode time.Duration, err error) {
	s := d.s
	report := BatchReport{
		Engine: d.network.Engine().Name(), Segments: len(b.clips), Encode: encode, ArenaBytes: b.plan.Arena, Overtook: l == &d.express, Err: err,
	}
	for _, c := range b.clips {
		report.Seconds += c.seconds
	}
	if s.o.Observer != nil {
		s.o.Observer.Batch(report) // before anybody can ask what it was told
	}
	starts, share := b.plan.Batch.Starts, float64(encode)/float64(b.plan.Batch.Rows())
	var ready []ClipReport
	s.mu.Lock()
	s.note(&report)
	for i, c := range b.clips {
		c.report.Encode = time.Duration(share * float64(starts[i+1]-starts[i]))
		c.report.Queue = b.start.Sub(c.came) - c.report.Feature
		if s.deliver(c, err) && s.o.Observer != nil {
			ready = append(ready, c.report)
		}
	}
	l.batch = nil
	s.mu.Unlock()
	for _, r := range ready { // none without an observer
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
		s.tick(c.seconds)
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
