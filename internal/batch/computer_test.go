package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sensevoice/internal/sensevoice"
)

// elsewhere computes batches with a runner of its own, and fails on segments of a poisonous length.
type elsewhere struct {
	*sensevoice.Runner
	poison  int // features
	batches []int
}

type poisoned struct{ at int }

func (p *poisoned) Error() string { return fmt.Sprintf("segment %d is poison", p.at) }
func (p *poisoned) Culprit() int  { return p.at }

func (e *elsewhere) Run(ctx context.Context, plan *sensevoice.Plan, segments []sensevoice.Segment) (*sensevoice.Output, error) {
	e.batches = append(e.batches, len(segments))
	for i, s := range segments {
		if len(s.Features) == e.poison {
			return nil, &poisoned{i}
		}
	}
	return e.Runner.Run(ctx, plan, segments)
}

// TestComputer computes in the place of the recognizer's engine. What is blamed fails alone, and is not tried again.
func TestComputer(t *testing.T) {
	model()
	synctest.Test(t, func(t *testing.T) {
		own, other := &fake{perRow: time.Millisecond}, &fake{perRow: time.Millisecond}
		n := recognizer(t, model(), other).Network()
		bad := sound(2, 7)
		e := &elsewhere{Runner: n.NewRunner(), poison: n.Config.Input * recognizer(t, model(), own).Rows(len(bad.Samples))}
		s := start(t, Options{Computers: []Computer{e}, Linger: -1, MaxBatchTime: time.Minute}, own)
		warm(t, s)
		var work sync.WaitGroup
		for i := range 6 {
			work.Go(func() {
				c := sound(float64(3+i), i)
				if i == 3 {
					c = bad
				}
				_, err := recognize(t.Context(), t, s, Ticket{}, c)
				var blamed *poisoned
				if got := errors.As(err, &blamed); got != (i == 3) || err != nil && !got {
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		work.Wait()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if own.reserved != 0 || other.reserved == 0 {
			t.Errorf("%d bytes are held by the engine that is not used, %d by the other", own.reserved, other.reserved)
		}
		if slices.Max(e.batches) < 3 {
			t.Errorf("batches of %v: the poison was never in company", e.batches)
		}
		if got := s.Stats(); got.Failed != 1 || got.Clips != 6 {
			t.Errorf("%+v", got.Counts)
		}
	})
}
