package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcribe"
)

// sound makes a clip of noise, of so many seconds, that no other number makes.
func sound(seconds float64, number int) transcribe.Clip {
	samples, state := make([]float32, int(seconds*audio.SampleRate)), uint32(number)
	for i := range samples {
		state = state*1664525 + 1013904223
		samples[i] = float32(int32(state)) / (1 << 32)
	}
	return transcribe.Clip{Samples: samples}
}

// bubble runs a test in virtual time with a scheduler over one fake engine that takes 1 ms a row and block, so
// 60 ms of sound take 5 ms. The scheduler is closed in the end.
func bubble(t *testing.T, o Options, run func(t *testing.T, s *Scheduler, e *fake)) {
	t.Helper()
	model() // outside of the bubble
	synctest.Test(t, func(t *testing.T) { inBubble(t, o, run) })
}

func inBubble(t *testing.T, o Options, run func(t *testing.T, s *Scheduler, e *fake)) {
	t.Helper()
	e := &fake{perRow: time.Millisecond}
	s := start(t, o, e)
	run(t, s, e)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.Stats(); got.Queued != 0 || got.Running != 0 || got.Waiting != 0 || got.Bytes != 0 || got.Seconds != 0 {
		t.Errorf("left behind: %+v", got)
	}
}

// recognize sends clips through a new request and returns how long that took.
func recognize(ctx context.Context, t *testing.T, s *Scheduler, ticket Ticket, clips ...transcribe.Clip) (time.Duration, error) {
	t.Helper()
	begun := time.Now()
	segments, _, err := s.Request(ticket).Recognize(ctx, clips)
	if err == nil && len(segments) != len(clips) {
		t.Errorf("%d segments for %d clips", len(segments), len(clips))
	}
	return time.Since(begun), err
}

// warm lets the scheduler measure its speed.
func warm(t *testing.T, s *Scheduler) {
	t.Helper()
	if _, err := recognize(t.Context(), t, s, Ticket{}, sound(3, 1)); err != nil {
		t.Fatal(err)
	}
}

// alone is how long the fake engine takes for a clip: 5 blocks for each of its rows and the 4 query rows.
func alone(s *Scheduler, c transcribe.Clip) time.Duration {
	return time.Duration(5*(s.o.Recognizers[0].Rows(len(c.Samples))+4)) * time.Millisecond
}

// TestAloneLosesNothing wants the very time that the engine takes.
func TestAloneLosesNothing(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Scheduler, e *fake) {
		for i := range 3 {
			c := sound(float64(i+1), i)
			r := s.Request(Ticket{})
			begun := time.Now()
			_, times, err := r.Recognize(t.Context(), []transcribe.Clip{c})
			if took := time.Since(begun); err != nil || took != alone(s, c) || times.Encode != took {
				t.Errorf("%d s alone took %v (%+v), the engine takes %v: %v", i+1, took, times, alone(s, c), err)
			}
			if u := r.Usage(); u.Queue != 0 || u.Encode != times.Encode || u.Seconds != float64(i+1) {
				t.Errorf("usage %+v", u)
			}
		}
	})
}

// TestCompany lets clips come while the engine is busy: they run together, within the time that a batch may take.
func TestCompany(t *testing.T) {
	bubble(t, Options{MaxBatchTime: time.Second}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var work sync.WaitGroup
		for i := range 8 { // 105 ms each
			work.Go(func() {
				if _, err := recognize(t.Context(), t, s, Ticket{}, sound(1, i)); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait()
				time.Sleep(104 * time.Millisecond) // between the last two blocks' ends: nothing can overtake any more
			}
		}
		work.Wait()
		rows := s.o.Recognizers[0].Rows(16000) + 4
		if want := []int{rows, 7 * rows}; !slices.Equal(e.batches[1:], want) {
			t.Errorf("batches of %v rows, want %v", e.batches[1:], want)
		}
	})
}

func TestBatchBounds(t *testing.T) {
	rows := 21 // 1 s and the query rows
	for _, test := range []struct {
		name string
		o    Options
		most int // rows of a batch
	}{
		{"segments", Options{MaxBatchSegments: 3, MaxBatchTime: time.Hour}, 3 * rows},
		{"time", Options{MaxBatchTime: 250 * time.Millisecond}, 2 * rows},
		{"one at a time", Options{MaxBatchTime: time.Nanosecond}, rows},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.o, func(t *testing.T, s *Scheduler, e *fake) {
				warm(t, s)
				e.batches = nil
				var work sync.WaitGroup
				for i := range 30 {
					work.Go(func() { recognize(t.Context(), t, s, Ticket{}, sound(1, i)) })
				}
				work.Wait()
				if got := slices.Max(e.batches); got != test.most {
					t.Errorf("batches of %v rows, want at most, and some of, %d", e.batches, test.most)
				}
			})
		})
	}
}

// TestLinger holds the features of a second request back, so that the engine has a reason to wait, and sees it wait no
// longer than it may.
func TestLinger(t *testing.T) {
	for _, linger := range []time.Duration{2 * time.Millisecond, -1} {
		bubble(t, Options{Linger: linger, MaxBatchTime: time.Second}, func(t *testing.T, s *Scheduler, e *fake) {
			warm(t, s)
			hold := &clip{}
			s.mu.Lock()
			s.move(hold, preparing)
			s.mu.Unlock()
			c := sound(0.5, 1)
			took, err := recognize(t.Context(), t, s, Ticket{}, c)
			if err != nil || took != alone(s, c)+max(linger, 0) {
				t.Errorf("took %v, the engine %v: %v", took, alone(s, c), err)
			}
			s.mu.Lock()
			s.move(hold, done)
			s.mu.Unlock()
		})
	}
}

// TestShortOvertakesLong sends 3 s while 30 s are running, and again and again: each comes out one block later than alone at
// most, and the long one is delayed by the others' time and no more.
func TestShortOvertakesLong(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var work sync.WaitGroup
		long, short := sound(30, 1), sound(3, 2)
		block := alone(s, long) / 5
		begun := time.Now()
		var longTook time.Duration
		file := s.Request(Ticket{Key: "file"})
		work.Go(func() {
			if _, _, err := file.Recognize(t.Context(), []transcribe.Clip{long, long}); err != nil {
				t.Error(err)
			}
			longTook = time.Since(begun)
		})
		for range 4 {
			time.Sleep(700 * time.Millisecond)
			took, err := recognize(t.Context(), t, s, Ticket{}, short)
			if err != nil || took > alone(s, short)+block {
				t.Errorf("3 s beside 30 s took %v, alone %v, a block takes %v: %v", took, alone(s, short), block, err)
			}
		}
		work.Wait()
		if want := 2*alone(s, long) + 4*alone(s, short); longTook != want {
			t.Errorf("the long one took %v, want %v", longTook, want)
		}
		if got := s.Stats().Overtakes; got < 2 {
			t.Errorf("%d batches overtook", got)
		}
	})
}

// TestLongDoesNotOvertake: what takes longer than the rest of the running batch waits for it.
func TestLongDoesNotOvertake(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var work sync.WaitGroup
		for i := range 3 {
			work.Go(func() { recognize(t.Context(), t, s, Ticket{}, sound(8, i)) })
			synctest.Wait()
		}
		work.Wait()
		if got := s.Stats(); got.Overtakes != 0 || got.Batches != 4 {
			t.Errorf("%+v", got.Counts)
		}
	})
}

func TestDeadline(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Scheduler, e *fake) {
		deadline := time.Now().Add(300 * time.Millisecond)
		var late *DeadlineError
		took, err := recognize(t.Context(), t, s, Ticket{Deadline: deadline}, sound(30, 1))
		if !errors.As(err, &late) || !errors.Is(err, context.DeadlineExceeded) || took != 300*time.Millisecond {
			t.Errorf("after %v: %v", took, err)
		}
		took, err = recognize(t.Context(), t, s, Ticket{Deadline: deadline}, sound(1, 1))
		if !errors.As(err, &late) || took != 0 {
			t.Errorf("a deadline in the past, after %v: %v", took, err)
		}
		synctest.Wait()
		time.Sleep(alone(s, sound(30, 1)))
		if e.blocks != 1 || len(e.batches) != 0 {
			t.Errorf("%d blocks and %d batches were computed for nobody", e.blocks, len(e.batches))
		}
	})
}

// TestLeaving lets the callers of one queued and of two running clips leave, one after the other.
func TestLeaving(t *testing.T) {
	bubble(t, Options{MaxBatchTime: time.Minute}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		blocks := e.blocks
		contexts := make([]context.Context, 4)
		leave := make([]context.CancelFunc, 4)
		var work sync.WaitGroup
		for i := range contexts {
			contexts[i], leave[i] = context.WithCancel(t.Context())
			defer leave[i]()
			if i == 3 { // the others run already, and it is too long to overtake
				synctest.Wait()
				time.Sleep(5 * time.Millisecond)
			}
			work.Go(func() {
				if _, err := recognize(contexts[i], t, s, Ticket{}, sound(5, i)); !errors.Is(err, context.Canceled) {
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		for i := 3; i >= 0; i-- {
			leave[i]()
			synctest.Wait()
			if got := s.Stats(); i > 0 && got.Running == 0 || got.Queued > 0 && i < 1 {
				t.Errorf("%d left, %+v", i, got)
			}
		}
		work.Wait()
		time.Sleep(10 * time.Second)
		if got := e.blocks - blocks; got > 2 {
			t.Errorf("%d blocks were computed", got)
		}
		if got := s.Stats(); got.Cancelled != 4 || got.Clips != 1 || got.Running != 0 {
			t.Errorf("%+v", got)
		}
	})
}
