package batch

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
		{"wait", Options{MaxWait: 3 * time.Second}, 4, 3 * time.Second},
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

// TestEnter: what has been let in counts before its first clip comes, so that no more is decoded than can be recognised in time.
func TestEnter(t *testing.T) {
	bubble(t, Options{MaxWait: 3 * time.Second}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var inside []*Request
		var busy *BusyError
		for {
			r := s.Request(Ticket{})
			if err := r.Enter(10); errors.As(err, &busy) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			inside = append(inside, r)
		}
		if len(inside) != 4 { // as many as in TestBusy
			t.Errorf("%d are inside", len(inside))
		}
		if busy.Wait <= 3*time.Second || busy.RetryAfter < leastRetry {
			t.Errorf("%+v", busy)
		}
		if err := s.Check("", 10); !errors.As(err, &busy) {
			t.Errorf("check: %v", err)
		}
		if err := s.Request(Ticket{Admitted: true}).Enter(10); err != nil {
			t.Errorf("one that has been let in: %v", err)
		}
		inside[0].Leave()
		inside[0].Leave()
		for _, r := range inside[1:] { // their first clips take the place of what was expected
			if _, _, err := r.Recognize(t.Context(), []transcribe.Clip{sound(10, 1)}); err != nil {
				t.Error(err)
			}
			r.Leave()
		}
	})
	bubble(t, Options{}, func(t *testing.T, s *Scheduler, e *fake) {
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Request(Ticket{}).Enter(0); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestSilenceIsNotSlowness: recordings without speech, however many and long, do not make the queue seem slow.
func TestSilenceIsNotSlowness(t *testing.T) {
	bubble(t, Options{MaxWait: 3 * time.Second}, func(t *testing.T, s *Scheduler, e *fake) {
		warm(t, s)
		var before *Request
		for i := range 100 { // two at any time
			silent := s.Request(Ticket{})
			if err := silent.Enter(0); err != nil {
				t.Fatalf("number %d: %v", i, err)
			}
			time.Sleep(time.Minute)
			if before != nil {
				before.Leave()
			}
			before = silent
		}
		spoken := s.Request(Ticket{})
		if err := spoken.Enter(0); err != nil {
			t.Error(err)
		}
		if _, _, err := spoken.Recognize(t.Context(), []transcribe.Clip{sound(3, 1)}); err != nil {
			t.Error(err)
		}
		before.Leave()
	})
}

// TestDecodingCounts: the time from Enter to the first clip is a part of what the wait is measured by.
func TestDecodingCounts(t *testing.T) {
	bubble(t, Options{MaxWait: time.Second}, func(t *testing.T, s *Scheduler, e *fake) {
		first := s.Request(Ticket{})
		if err := first.Enter(3); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, _, err := first.Recognize(t.Context(), []transcribe.Clip{sound(3, 1)}); err != nil {
			t.Fatal(err)
		}
		second := s.Request(Ticket{})
		if err := second.Enter(3); err != nil {
			t.Fatalf("alone: %v", err)
		}
		var busy *BusyError
		if err := s.Check("", 3); !errors.As(err, &busy) || busy.Wait <= time.Second {
			t.Errorf("beside one that takes more than a second: %v", err)
		}
		second.Leave()
		if err := s.Check("", 3); err != nil {
			t.Errorf("when it has left: %v", err)
		}
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
