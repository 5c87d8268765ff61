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
		{Recognizers: []*transcribe.Recognizer{r}, Computers: make([]Computer, 2)},
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
