package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// plannedRequest is one request of a made-up day.
type plannedRequest struct {
	After    int // ms after the one before
	Key      int
	Clips    []int // ms of sound
	Leave    int   // ms after which its caller leaves; 0: never
	Deadline int   // ms; 0: none
	Admitted bool
}

var requests = rapid.Custom(func(t *rapid.T) plannedRequest {
	r := plannedRequest{
		After: rapid.SampledFrom([]int{0, 0, 1, 7, 50, 400, 5000}).Draw(t, "after"),
		Key:   rapid.IntRange(0, 3).Draw(t, "key"),
		Clips: rapid.SliceOfN(rapid.SampledFrom([]int{25, 100, 700, 1000, 3000, 3000, 9000, 20000}), 1, 5).Draw(t, "clips"),
	}
	if rapid.IntRange(0, 3).Draw(t, "leaves") == 0 {
		r.Leave = rapid.IntRange(1, 3000).Draw(t, "leave")
	}
	if rapid.IntRange(0, 5).Draw(t, "hurries") == 0 {
		r.Deadline = rapid.IntRange(1, 3000).Draw(t, "deadline")
	}
	r.Admitted = rapid.Bool().Draw(t, "admitted")
	return r
})

// TestAnyDay plays random arrivals on one or two engines that are refused memory at random: every call ends; each result is
// that of its own clip alone; no batch is over its price; and in the end nothing is left.
func TestAnyDay(t *testing.T) {
	model()
	alone := recognizer(t, model(), &fake{})
	var mu sync.Mutex
	want := map[string]string{}
	expected := func(c transcribe.Clip, key string) string {
		mu.Lock()
		defer mu.Unlock()
		if want[key] == "" {
			segments, _, err := alone.Recognize(context.Background(), []transcribe.Clip{c})
			if err != nil {
				t.Fatal(err)
			}
			want[key] = fmt.Sprint(segments)
		}
		return want[key]
	}
	rapid.Check(t, func(r *rapid.T) {
		plan, err := alone.Network().Plan([]int{alone.Rows(20 * 16000)})
		if err != nil {
			r.Fatal(err)
		}
		o := Options{
			MaxArenaBytes:    rapid.SampledFrom([]int64{0, 2 * plan.Arena, 5 * plan.Arena}).Draw(r, "arena"),
			MaxBatchSegments: rapid.SampledFrom([]int{0, 1, 3}).Draw(r, "segments"),
			MaxBatchTime:     rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(r, "time"),
			MaxQueueSeconds:  rapid.SampledFrom([]float64{0, 25, 60}).Draw(r, "queue"),
			MaxWait:          rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(r, "wait"),
		}
		refusals := rapid.IntRange(0, 3).Draw(r, "refusals")
		engines := make([]*fake, rapid.IntRange(1, 2).Draw(r, "engines"))
		for i := range engines {
			engines[i] = &fake{perRow: 200 * time.Microsecond}
			calls := 0
			engines[i].refuse = func(int64) bool { calls++; return refusals > 0 && calls%(7-refusals) == 0 }
		}
		list := rapid.SliceOfN(requests, 1, 25).Draw(r, "requests")
		synctest.Test(t, func(t *testing.T) {
			s := start(t, o, engines...)
			var work sync.WaitGroup
			for i, p := range list {
				time.Sleep(time.Duration(p.After) * time.Millisecond)
				work.Go(func() { play(t, s, p, i, expected) })
			}
			work.Wait()
			checkEnd(t, s, o, engines)
		})
	})
}

func play(t *testing.T, s *Scheduler, p plannedRequest, number int, expected func(transcribe.Clip, string) string) {
	ctx := t.Context()
	if p.Leave > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(p.Leave)*time.Millisecond)
		defer cancel()
	}
	ticket := Ticket{Key: fmt.Sprint(p.Key), Admitted: p.Admitted}
	if p.Deadline > 0 {
		ticket.Deadline = time.Now().Add(time.Duration(p.Deadline) * time.Millisecond)
	}
	clips := make([]transcribe.Clip, len(p.Clips))
	for i, ms := range p.Clips {
		clips[i] = sound(float64(ms)/1000, 5*number+i)
	}
	segments, _, err := s.Request(ticket).Recognize(ctx, clips)
	if err != nil {
		checkError(t, s, p, err)
		return
	}
	for i, c := range clips {
		got := fmt.Sprint([]transcript.Segment{segments[i]})
		if got != expected(c, fmt.Sprint(p.Clips[i], 5*number+i)) {
			t.Errorf("request %d, clip %d: not what it is alone: %s", number, i, got)
		}
	}
}

// checkError wants an error to have its reason.
func checkError(t *testing.T, s *Scheduler, p plannedRequest, err error) {
	var busy *BusyError
	var memory *MemoryError
	var late *DeadlineError
	switch {
	case errors.As(err, &late):
		if p.Deadline == 0 {
			t.Errorf("%+v has no deadline: %v", p, err)
		}
	case errors.Is(err, context.DeadlineExceeded):
		if p.Leave == 0 {
			t.Errorf("nobody left %+v: %v", p, err)
		}
	case errors.As(err, &busy):
		if p.Admitted {
			t.Errorf("%+v had been let in: %v", p, err)
		}
	case errors.As(err, &memory):
	default:
		t.Errorf("%+v: %v", p, err)
	}
}

func checkEnd(t *testing.T, s *Scheduler, o Options, engines []*fake) {
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	got := s.Stats()
	if got.Queued != 0 || got.Running != 0 || got.Waiting != 0 || got.Bytes != 0 || got.Seconds != 0 || len(s.preparing) != 0 || len(s.expected) != 0 {
		t.Errorf("left behind: %+v", got)
	}
	for _, e := range engines {
		if o.MaxArenaBytes > 0 && e.most > o.MaxArenaBytes {
			t.Errorf("%d bytes were reserved of %d", e.most, o.MaxArenaBytes)
		}
	}
	for _, k := range s.queue.keys {
		if k.active != 0 || k.inner.active != 0 {
			t.Errorf("key %s is active", k.name)
		}
	}
}
