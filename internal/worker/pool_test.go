package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a session in memory. It dies of items that say "die", and refuses batches with "fail".
type fake struct {
	number  int
	killed  chan struct{} // dead
	exit    chan struct{} // gone
	immune  bool          // end does not end it
	served  *[]string
	busyFor time.Duration
}

// fakesMutex guards what fakes share.
var fakesMutex sync.Mutex

func (f *fake) exchange(items [][]byte, deadline time.Duration) ([][]byte, error) {
	fakesMutex.Lock()
	*f.served = append(*f.served, fmt.Sprintf("%d:%s", f.number, bytes.Join(items, []byte("+"))))
	fakesMutex.Unlock()
	if f.busyFor > deadline {
		time.Sleep(deadline)
		return nil, errors.New("not done in time")
	}
	time.Sleep(f.busyFor)
	var results [][]byte
	for _, item := range items {
		switch string(item) {
		case "die":
			close(f.killed)
			return nil, errors.New("killed")
		case "fail":
			return nil, &BatchError{"bad item"}
		}
		results = append(results, append([]byte("<"), item...))
	}
	return results, nil
}

func (f *fake) dead() <-chan struct{} { return f.killed }
func (f *fake) cause() error          { return errors.New("killed") }
func (f *fake) giveBack(int) error    { return nil }
func (f *fake) gone() <-chan struct{} { return f.exit }
func (f *fake) pid() int              { return 1000 + f.number }
func (f *fake) end() {
	if !f.immune {
		close(f.exit)
	}
}

// fakes makes a pool of n workers of fakes, numbered as they start; change may alter one before it serves.
func fakes(n int, o PoolOptions, change func(*fake) error) (p *Pool, served *[]string, starts *[]time.Duration) {
	served, starts = new([]string), new([]time.Duration)
	began, number := time.Now(), 0
	opens := make([]func(context.Context) (session, error), n)
	for i := range opens {
		o.Workers = append(o.Workers, Options{Name: fmt.Sprintf("cuda:%d", i)})
		opens[i] = func(context.Context) (session, error) {
			fakesMutex.Lock()
			defer fakesMutex.Unlock()
			number++
			*starts = append(*starts, time.Since(began))
			f := &fake{number: number, killed: make(chan struct{}), exit: make(chan struct{}), served: served}
			if change != nil {
				if err := change(f); err != nil {
					return nil, err
				}
			}
			return f, nil
		}
	}
	return start(o, opens), served, starts
}

func items(names ...string) [][]byte {
	var list [][]byte
	for _, n := range names {
		list = append(list, []byte(n))
	}
	return list
}

type cpu struct{}

func (cpu) Run(_ context.Context, items [][]byte) ([][]byte, error) {
	var results [][]byte
	for _, item := range items {
		results = append(results, append([]byte("cpu "), item...))
	}
	return results, nil
}

func text(results [][]byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(bytes.Join(results, []byte(" ")))
}

func TestRetryAndQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, served, _ := fakes(2, PoolOptions{}, nil)
		defer p.Close()
		if got := text(p.Run(t.Context(), items("a", "b"))); got != "<a <b" {
			t.Error(got)
		}
		if got := text(p.Run(t.Context(), items("a", "fail"))); got != "the worker refused the batch: bad item" {
			t.Error(got)
		}
		if c := p.Counts(); c.Retried != 0 {
			t.Errorf("a refusal was tried again: %+v", c)
		}
		*served = nil
		_, err := p.Run(t.Context(), items("a", "b", "c", "die", "e"))
		var poison *PoisonError
		if !errors.As(err, &poison) || poison.Item != 3 {
			t.Errorf("%v", err)
		}
		for i, want := range []string{"a+b+c+die+e", "a+b+c+die+e", "a+b", "c+die+e", "c", "die+e", "die"} {
			if i >= len(*served) || (*served)[i][2:] != want {
				t.Errorf("step %d: %q, want %s", i, *served, want)
				break
			}
		}
		if got := text(p.Run(t.Context(), items("x"))); got != "<x" {
			t.Errorf("afterwards: %s", got)
		}
		if c := p.Counts(); c.Poisoned != 1 || c.Retried != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// TestElsewhere has a batch whose worker is killed done by the other worker, or by the CPU where there is one worker.
func TestElsewhere(t *testing.T) {
	for workers, want := range map[int]string{1: "cpu a", 2: "<a"} {
		synctest.Test(t, func(t *testing.T) {
			first := true
			p, _, _ := fakes(workers, PoolOptions{Fallback: cpu{}, Deadline: func([][]byte) time.Duration { return time.Second }}, func(f *fake) error {
				if first {
					f.busyFor = time.Hour // hangs
				} else if workers == 1 {
					return errors.New("no driver")
				}
				first = false
				return nil
			})
			defer p.Close()
			if err := p.WaitReady(t.Context()); err != nil {
				t.Error(err)
			}
			for range workers { // one of them meets the worker that hangs
				if got := text(p.Run(t.Context(), items("a"))); got != want && got != "<a" {
					t.Errorf("%d workers: %s", workers, got)
				}
			}
			if c := p.Counts(); c.Retried > 1 || (workers == 1 && c.Fallback == 0) {
				t.Errorf("%d workers: %+v", workers, c)
			}
		})
	}
}

// TestPauses starts a worker that cannot live with growing pauses, looks at the driver first after the fifth failure, and forgets
// failures after ten minutes.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		o := PoolOptions{Workers: []Options{{Name: "cuda:0", Probe: func(context.Context) error {
			if probes++; probes <= 3 {
				return errors.New("GPU is lost")
			}
			return nil
		}}}}
		began := time.Now()
		var starts []time.Duration
		p := start(o, []func(context.Context) (session, error){func(context.Context) (session, error) {
			starts = append(starts, time.Since(began))
			return nil, errors.New("no context")
		}})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		p.Close()
		want := []time.Duration{0, 0, 1, 6, 36, 276} // seconds; three looks at the driver said no
		if len(starts) < len(want) {
			t.Fatalf("%v", starts)
		}
		for i, w := range want {
			if starts[i] != w*time.Second {
				t.Errorf("start %d at %v, want %v", i, starts[i], w*time.Second)
			}
		}
		if s := p.Status()[0]; s.Failures != 9 || s.Last != "no context" || probes != 4 {
			t.Errorf("%+v, %d looks", s, probes)
		}
	})
}

// TestStuck leaves the GPU of a process alone that cannot be ended, until it is gone.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stuck *fake
		p, _, starts := fakes(1, PoolOptions{Fallback: cpu{}}, func(f *fake) error {
			if stuck == nil {
				stuck = f
				f.immune = true
			}
			return nil
		})
		defer p.Close()
		synctest.Wait()
		close(stuck.killed)
		time.Sleep(time.Hour)
		if s := p.Status()[0]; s.State != Stuck || s.PID != 1001 || len(*starts) != 1 {
			t.Errorf("%+v, starts at %v", s, *starts)
		}
		if got := text(p.Run(t.Context(), items("a"))); got != "cpu a" {
			t.Error(got)
		}
		close(stuck.exit)
		synctest.Wait()
		if got := text(p.Run(t.Context(), items("a"))); got != "<a" || len(*starts) != 2 {
			t.Errorf("%s, starts at %v", got, *starts)
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := fakes(1, PoolOptions{}, func(*fake) error { return errors.New("no") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Run(ctx, items("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if err := p.WaitReady(ctx); !errors.Is(err, ErrNoWorker) {
			t.Errorf("%v", err)
		}
		p.Close()
		p.Close()
		if _, err := p.Run(t.Context(), items("a")); !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}
