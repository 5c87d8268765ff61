package mem

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const mib = 1 << 20

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// limits are those of a 24 GB card, in the sizes of the model.
func limits() Limits {
	return Limits{Cap: 22 << 30, Headroom: 720 * mib, Overhead: 400 * mib, Weights: 448 * mib, Floor: 7 * mib, Work: 180 * mib}
}

func card(granule uint64, l Limits) *fakeGPU {
	f := newFakeGPU(granule, 24<<30)
	f.overhead, f.cap = l.Overhead, l.Cap
	return f
}

func (f *fakeGPU) check(t interface{ Fatalf(string, ...any) }) {
	for _, w := range f.wrong {
		t.Fatalf("the arena %s", w)
	}
}

// backends are the two ways to hold memory.
var backends = map[string]uint64{"mapped": 2 * mib, "blocks": 0}

// TestProperty runs random sequences of batches, neighbours, refusals, waiting and faults. Always: never above the cap, never below the floor, and
// every batch gets a workspace to run in.
func TestProperty(t *testing.T) {
	for name, granule := range backends {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { property(t, granule) })
		})
	}
}

func property(t *rapid.T, granule uint64) {
	l := limits()
	l.Cap = rapid.Uint64Range(900*mib, 4<<30).Draw(t, "cap")
	l.Threshold = rapid.SampledFrom([]float64{0, 0, 0.3}).Draw(t, "threshold")
	l.SleepAfter = rapid.SampledFrom([]time.Duration{0, 0, time.Minute}).Draw(t, "sleep")
	l.Fixed = rapid.IntRange(0, 4).Draw(t, "fixed") == 0
	l.Work = rapid.SampledFrom([]uint64{0, 180 * mib}).Draw(t, "work")
	f := card(granule, l)
	now := start
	a, err := Open(f, l, now)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	floor := roundUp(l.Floor, align)
	t.Repeat(map[string]func(*rapid.T){
		"batch": func(t *rapid.T) {
			need := rapid.Uint64Range(1, 400*mib).Draw(t, "need")
			slept := !a.Awake()
			w, err := a.Admit(need, now)
			if err != nil {
				if slept && errors.Is(err, ErrRefused) {
					return // the arena had given all back on request, and others have it now
				}
				t.Fatalf("a batch failed: %v", err)
			}
			if w.Bytes < floor {
				t.Fatalf("a workspace of %d bytes, and the floor is %d", w.Bytes, floor)
			}
			if err := a.Done(now); err != nil {
				t.Fatalf("done: %v", err)
			}
		},
		"neighbours": func(t *rapid.T) { f.other = rapid.Uint64Range(0, f.total-f.overhead-f.held()).Draw(t, "other") },
		"refusal":    func(*rapid.T) { f.failAt, f.failWith = f.calls+1, ErrRefused },
		"wait": func(t *rapid.T) {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "wait")))
			if err := a.Tick(now); err != nil {
				t.Fatalf("tick: %v", err)
			}
		},
		"fault": func(t *rapid.T) { // the device breaks; the process ends, which frees its memory, and another one begins
			f.broken = errBroken
			if _, err := a.Admit(500*mib, now); !errors.Is(err, errBroken) && !l.Fixed {
				t.Fatalf("a broken device: %v", err)
			}
			f.broken, f.failAt = nil, 0
			clear(f.mapped)
			clear(f.blocks)
			clear(f.reserved)
			fresh, err := Open(f, l, now)
			if err != nil { // neighbours were faster
				if !errors.Is(err, ErrRefused) || f.held() != 0 {
					t.Fatalf("restart: %v, holds %d", err, f.held())
				}
				f.other = 0
				if fresh, err = Open(f, l, now); err != nil {
					t.Fatalf("restart on a free device: %v", err)
				}
			}
			a = fresh
		},
		"give back": func(t *rapid.T) {
			if err := a.GiveBack(rapid.SampledFrom([]Level{Keep, Trim, Sleep}).Draw(t, "level")); err != nil {
				t.Fatalf("give back: %v", err)
			}
		},
		"": func(t *rapid.T) {
			f.check(t)
			s := a.Stats()
			if s.Held != f.held() {
				t.Fatalf("the arena thinks that it holds %d bytes of %d", s.Held, f.held())
			}
			if s.Awake && s.Workspace < floor || !s.Awake && s.Held > 0 {
				t.Fatalf("%+v", s)
			}
		},
	})
	if err := a.Close(); err != nil || f.held() != 0 || len(f.reserved) != 0 {
		t.Fatalf("closed: %v, holds %d bytes and %d reservations", err, f.held(), len(f.reserved))
	}
	f.check(t)
}

// TestWalk runs 10,000 random batches while a neighbour walks between nothing and all memory.
func TestWalk(t *testing.T) {
	for name, granule := range backends {
		t.Run(name, func(t *testing.T) {
			l := limits()
			f := card(granule, l)
			a, err := Open(f, l, start)
			if err != nil {
				t.Fatal(err)
			}
			now, seed := start, uint64(1)
			random := func(n uint64) uint64 { seed = seed*6364136223846793005 + 1442695040888963407; return seed >> 33 % n }
			for i := range 10_000 {
				f.other = random(1001) * (f.total - f.overhead - f.held()) / 1000
				if w, err := a.Admit(random(300*mib), now); err != nil || w.Bytes < l.Floor {
					t.Fatalf("batch %d: %+v, %v", i, w, err)
				}
				now = now.Add(time.Duration(random(3_000_000_000)))
				if err := errors.Join(a.Done(now), a.Tick(now)); err != nil {
					t.Fatalf("batch %d: %v", i, err)
				}
			}
			f.check(t)
			s := a.Stats()
			if s.Grown == 0 || s.Shrunk == 0 || s.GivenBack == 0 || s.Smaller == 0 || s.Held+s.Overhead > s.Cap {
				t.Errorf("the walk has not met everything: %+v", s)
			}
			if err := a.Close(); err != nil || f.held() != 0 {
				t.Errorf("%v, holds %d", err, f.held())
			}
		})
	}
}

// TestEachCallFails has each call that takes memory refused once, and broken once, from opening to the end of a batch.
func TestEachCallFails(t *testing.T) {
	for name, granule := range backends {
		for k := 1; ; k++ {
			hit := 0
			for _, fault := range []error{ErrRefused, errBroken} {
				l := limits()
				f := card(granule, l)
				f.failAt, f.failWith = k, fault
				a, err := Open(f, l, start)
				if err == nil {
					_, err = a.Admit(100*mib, start)
					err = errors.Join(err, a.Done(start))
					if errors.Is(fault, ErrRefused) && err != nil {
						t.Errorf("%s: call %d refused: the batch failed: %v", name, k, err)
					}
					err = errors.Join(err, a.Close())
				}
				if f.calls >= k {
					hit++
					if errors.Is(fault, errBroken) && !errors.Is(err, errBroken) {
						t.Errorf("%s: call %d broke, and nobody said so: %v", name, k, err)
					}
				}
				if f.held() != 0 || len(f.reserved) != 0 {
					t.Errorf("%s: call %d (%v): %d bytes and %d reservations are left", name, k, fault, f.held(), len(f.reserved))
				}
				f.check(t)
			}
			if hit == 0 {
				if k < 4 {
					t.Errorf("%s: only %d calls", name, k-1)
				}
				break
			}
		}
	}
}

func TestDoesNotFit(t *testing.T) {
	l := limits()
	f := card(2*mib, l)
	f.other = f.total - 500*mib
	var oom *OutOfMemoryError
	if _, err := Open(f, l, start); !errors.As(err, &oom) || !errors.Is(err, ErrRefused) || oom.Free != 100*mib || oom.Want != 856*mib {
		t.Errorf("%v", err)
	}
	l.Cap = 800 * mib
	if _, err := Open(card(2*mib, l), l, start); !errors.As(err, &oom) || oom.Err != nil || oom.Cap != l.Cap {
		t.Errorf("%v", err)
	}
}

// TestManners follows one arena through a day.
func TestManners(t *testing.T) {
	l := limits()
	f := card(2*mib, l)
	a, err := Open(f, l, start)
	if err != nil {
		t.Fatal(err)
	}
	now := start
	batch := func(need, want uint64) {
		t.Helper()
		w, err := a.Admit(need, now)
		if err = errors.Join(err, a.Done(now)); err != nil || w.Bytes != want {
			t.Fatalf("workspace of %d MiB, %v, want %d", w.Bytes/mib, err, want/mib)
		}
	}
	tick := func(wait time.Duration) {
		t.Helper()
		now = now.Add(wait)
		if err := a.Tick(now); err != nil {
			t.Fatal(err)
		}
	}
	batch(5*mib, 8*mib)     // the floor
	batch(9*mib, 24*mib)    // grows by a piece
	batch(100*mib, 100*mib) // by what is missing
	batch(300*mib, 180*mib) // no further than is worth while
	f.other = f.total - f.overhead - f.held() - 100*mib
	tick(250 * time.Millisecond)
	batch(150*mib, 180*mib) // one look is no look
	tick(250 * time.Millisecond)
	batch(150*mib, 8*mib) // the second gives back, and growing is off for five seconds
	f.other = 0
	tick(4 * time.Second)
	batch(150*mib, 8*mib)
	tick(time.Second)
	batch(150*mib, 150*mib)
	f.failAt, f.failWith = f.calls+1, ErrRefused
	batch(170*mib, 150*mib) // refused: a second without
	tick(999 * time.Millisecond)
	batch(170*mib, 150*mib)
	tick(time.Millisecond)
	batch(170*mib, 170*mib)
	tick(9 * time.Second)
	if got := a.Stats().Workspace; got != 170*mib {
		t.Errorf("idle for nine seconds: %d MiB", got/mib)
	}
	tick(time.Second)
	if got := a.Stats().Workspace; got != 8*mib {
		t.Errorf("idle for ten seconds: %d MiB", got/mib)
	}
	if err := a.GiveBack(Sleep); err != nil || a.Awake() || f.held() != 0 {
		t.Errorf("asleep: %v, holds %d", err, f.held())
	}
	batch(5*mib, 8*mib)
	if !a.Awake() || a.Weights() == 0 {
		t.Error("a batch has not woken it")
	}
}

// TestFixed has one block that does not change.
func TestFixed(t *testing.T) {
	l := limits()
	l.Fixed = true
	f := card(2*mib, l)
	a, err := Open(f, l, start)
	if err != nil {
		t.Fatal(err)
	}
	held := f.held()
	f.other = f.total
	for range 3 {
		if w, err := a.Admit(400*mib, start); err != nil || w.Bytes != 180*mib {
			t.Errorf("%d MiB, %v", w.Bytes/mib, err)
		}
		if err := errors.Join(a.Done(start), a.Tick(start.Add(time.Hour))); err != nil {
			t.Error(err)
		}
	}
	if f.held() != held {
		t.Errorf("held %d, then %d", held, f.held())
	}
}
