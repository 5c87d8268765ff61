package batch

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sensevoice/internal/sensevoice"
	"sensevoice/internal/transcribe"
)

// TestBusy fills the queue: what is beyond the bound is refused at once, with the time after which there is room.
func TestBusy(t *testing.T) {
	for _, test := range []struct {
		name string
		o    Options
		in   int // of 10 requests of 10 s each that come at once
		wait time.Duration
	}{
		{"seconds", Options{MaxQueueSeconds: 45}, 4, 0},
		{"bytes", Options{MaxQueueBytes: 5 * 10 * bytesPerSecond}, 4, 0},
		{"wait", Options{MaxWait: 3 * time.Second}, 5, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.o, func(t *testing.T, s *Scheduler, e *fake) {
				warm(t, s)
				var mu sync.Mutex
				var refused []*BusyError
				in := 0
				var work sync.WaitGroup
				for i := range 10 {
					work.Go(func() {
						took, err := recognize(t.Context(), t, s, Ticket{}, sound(10, i))
						mu.Lock()
						defer mu.Unlock()
						var busy *BusyError
						if err == nil {
							in++
						} else if errors.As(err, &busy) && took == 0 {
							refused = append(refused, busy)
						} else {
							t.Errorf("after %v: %v", took, err)
						}
					})
					synctest.Wait()
				}
				work.Wait()
				if in != test.in || len(refused) != 10-in {
					t.Errorf("%d were let in, want %d; %d refused", in, test.in, len(refused))
				}
				for _, b := range refused {
					if b.RetryAfter < leastRetry || b.RetryAfter > 10*time.Second || !(b.QueueSeconds >= 40) || b.QueueBytes == 0 || b.Wait < test.wait {
						t.Errorf("%+v", b)
					}
				}
				if got := s.Stats().Busy; got != uint64(len(refused)) {
					t.Errorf("%d are counted as refused", got)
				}
			})
		})
	}
}

// TestCheck tells beforehand what a request would be told.
func TestCheck(t *testing.T) {
	bubble(t, Options{MaxQueueSeconds: 45}, func(t *testing.T, s *Scheduler, e *fake) {
		if err := s.Check("", 100); err != nil {
			t.Errorf("an empty queue takes anything that fits: %v", err)
		}
		var work sync.WaitGroup
		work.Go(func() { recognize(t.Context(), t, s, Ticket{}, sound(30, 1)) })
		synctest.Wait()
		var busy *BusyError
		if err := s.Check("", 10); err != nil {
			t.Error(err)
		}
		if err := s.Check("", 20); !errors.As(err, &busy) {
			t.Errorf("20 s beside 30 of 45: %v", err)
		}
		work.Wait()
	})
}

// TestTheLetInWait: a request that has been let in is not refused later, and leaves half of the room to others.
func TestTheLetInWait(t *testing.T) {
	bubble(t, Options{MaxQueueSeconds: 40}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var work sync.WaitGroup
		for _, ticket := range []Ticket{{Key: "file"}, {Key: "live", Admitted: true}} {
			work.Go(func() {
				clips := make([]transcribe.Clip, 12)
				for i := range clips {
					clips[i] = sound(10, i)
				}
				if _, err := recognize(t.Context(), t, s, ticket, clips...); err != nil {
					t.Errorf("%+v: %v", ticket, err)
				}
			})
		}
		synctest.Wait()
		for range 5 {
			if got := s.Stats(); got.Seconds > 30 || got.Waiting != 2 { // half, and one clip that keeps a request going
				t.Errorf("%v s are inside and %d clips wait", got.Seconds, got.Waiting)
			}
			if _, err := recognize(t.Context(), t, s, Ticket{Key: "short"}, sound(3, 7)); err != nil {
				t.Errorf("a short one beside two long ones: %v", err)
			}
			synctest.Wait()
		}
		work.Wait()
	})
}

func TestTooLarge(t *testing.T) {
	model()
	synctest.Test(t, func(t *testing.T) {
		e := &fake{}
		n := recognizer(t, model(), e)
		plan, err := n.Network().Plan([]int{n.Rows(20 * 16000)})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{MaxArenaBytes: plan.Arena}, {MaxQueueBytes: 20 * bytesPerSecond}} {
			inBubble(t, o, func(t *testing.T, s *Scheduler, e *fake) {
				var large *TooLargeError
				_, err := recognize(t.Context(), t, s, Ticket{}, sound(1, 1), sound(30, 1))
				if !errors.As(err, &large) || large.Seconds != 30 || large.Need <= large.Limit || large.Limit == 0 {
					t.Errorf("30 s: %v", err)
				}
				if _, err := recognize(t.Context(), t, s, Ticket{}, sound(12, 1), sound(1, 1)); err != nil {
					t.Errorf("12 s: %v", err)
				}
				if o.MaxArenaBytes > 0 && e.most > o.MaxArenaBytes {
					t.Errorf("%d bytes were reserved of %d", e.most, o.MaxArenaBytes)
				}
				if got := s.Stats(); got.TooLarge != 1 || got.Batches == 0 {
					t.Errorf("%+v", got.Counts)
				}
			})
		}
	})
}

// TestRefusedMemory makes the engine refuse what is larger than one clip, and then everything.
func TestRefusedMemory(t *testing.T) {
	bubble(t, Options{MaxBatchTime: time.Minute}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		one, err := s.o.Recognizers[0].Network().Plan([]int{34})
		if err != nil {
			t.Fatal(err)
		}
		limit := s.devices[0].main.offset + one.Arena
		e.refuse = func(bytes int64) bool { return bytes > limit }
		run := func() (errs []error) {
			var mu sync.Mutex
			var work sync.WaitGroup
			for i := range 9 {
				work.Go(func() {
					_, err := recognize(t.Context(), t, s, Ticket{}, sound(2, i))
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				})
			}
			work.Wait()
			return errs
		}
		if err := errors.Join(run()...); err != nil {
			t.Error(err)
		}
		if got := s.Stats(); got.Halvings < 2 || got.Clips != 10 {
			t.Errorf("%+v", got.Counts)
		}
		limit, e.reserved = 0, 0
		for _, err := range run() {
			var memory *MemoryError
			if !errors.As(err, &memory) || !strings.Contains(err.Error(), "refused") {
				t.Errorf("no memory at all: %v", err)
			}
		}
		limit = math.MaxInt64
		if err := errors.Join(run()...); err != nil {
			t.Errorf("memory again: %v", err)
		}
	})
}

// TestDamageStaysWithItsOwner puts a clip that is not finite among others.
func TestDamageStaysWithItsOwner(t *testing.T) {
	bubble(t, Options{MaxBatchTime: time.Minute}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var work sync.WaitGroup
		for i := range 9 {
			work.Go(func() {
				c := sound(2, i)
				if i == 4 {
					c.Samples[100] = float32(math.NaN())
				}
				if _, err := recognize(t.Context(), t, s, Ticket{}, c); errors.Is(err, sensevoice.ErrNotFinite) != (i == 4) || (err != nil) != (i == 4) {
					t.Errorf("clip %d: %v", i, err)
				}
			})
		}
		work.Wait()
	})
}

// TestFailsAsOne: when one clip of a call fails, its others are not computed.
func TestFailsAsOne(t *testing.T) {
	bubble(t, Options{MaxBatchTime: time.Nanosecond}, func(t *testing.T, s *Scheduler, e *fake) {
		bad := sound(2, 1)
		bad.Samples[0] = float32(math.Inf(1))
		_, err := recognize(t.Context(), t, s, Ticket{}, bad, sound(2, 1), sound(2, 2), sound(2, 3), sound(2, 4))
		if !errors.Is(err, sensevoice.ErrNotFinite) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if len(e.batches) > 2 {
			t.Errorf("%d batches", len(e.batches))
		}
		if _, err := recognize(t.Context(), t, s, Ticket{}, sound(1, 1), transcribe.Clip{}); !errors.Is(err, transcribe.ErrTooShort) {
			t.Errorf("no samples: %v", err)
		}
		if _, err := recognize(t.Context(), t, s, Ticket{}); err != nil {
			t.Errorf("no clips: %v", err)
		}
	})
}

// TestClose lets what is inside finish, or not, and nothing more in.
func TestClose(t *testing.T) {
	model()
	for _, patience := range []time.Duration{time.Hour, 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, Options{MaxQueueSeconds: 30}, &fake{perRow: time.Millisecond}, &fake{perRow: time.Millisecond})
			var work sync.WaitGroup
			var mu sync.Mutex
			good, closed := 0, 0
			for i := range 6 {
				work.Go(func() {
					_, err := recognize(t.Context(), t, s, Ticket{Admitted: true}, sound(10, i), sound(5, i), sound(4, i))
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						good++
					} else if errors.Is(err, ErrClosed) {
						closed++
					} else {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			err := s.Close(ctx)
			work.Wait()
			if patience == time.Hour && (err != nil || good != 6) {
				t.Errorf("%d results: %v", good, err)
			}
			if patience < time.Hour && (!errors.Is(err, context.DeadlineExceeded) || closed != 6 || time.Since(begun) > 2*patience) {
				t.Errorf("%d were told after %v: %v", closed, time.Since(begun), err)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Errorf("again: %v", err)
			}
			if _, err := recognize(t.Context(), t, s, Ticket{}, sound(1, 1)); !errors.Is(err, ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	r := recognizer(t, model(), &fake{})
	for _, o := range []Options{
		{},
		{Recognizers: []*transcribe.Recognizer{r}, MaxBatchSegments: -1},
		{Recognizers: []*transcribe.Recognizer{r}, MaxQueueSeconds: math.NaN()},
		{Recognizers: []*transcribe.Recognizer{r}, MaxWait: -1},
		{Recognizers: []*transcribe.Recognizer{r}, MaxArenaBytes: -1},
	} {
		if s, err := New(o); err == nil {
			s.Close(t.Context())
			t.Errorf("%+v was accepted", o)
		}
	}
}

// watcher counts what an observer is told.
type watcher struct {
	mu                                sync.Mutex
	batches, segments, clips, refused int
	seconds                           float64
}

func (w *watcher) Batch(r BatchReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches++
	w.segments += r.Segments
	w.seconds += r.Seconds
}

func (w *watcher) Clip(ClipReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clips++
}

func (w *watcher) Refused(error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused++
}

func TestObserver(t *testing.T) {
	w := &watcher{}
	bubble(t, Options{Observer: w, MaxQueueSeconds: 12}, func(t *testing.T, s *Scheduler, e *fake) {
		for range 3 {
			warm(t, s)
		}
		var work sync.WaitGroup
		for i := range 3 {
			work.Go(func() { recognize(t.Context(), t, s, Ticket{}, sound(5, i)) })
			synctest.Wait()
		}
		work.Wait()
		synctest.Wait()
		if w.batches != 5 || w.segments != 5 || w.clips != 5 || w.seconds != 19 || w.refused != 1 {
			t.Errorf("told %+v", w)
		}
	})
}
