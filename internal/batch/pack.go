package batch

import (
	"context"
	"time"

	"sensevoice/internal/sensevoice"
)

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
