package cpu

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// counter counts how often each task is done and whether a worker's number was used twice at once.
type counter struct {
	done   []atomic.Int32
	busy   []atomic.Bool
	shared atomic.Bool
	each   func(worker, task int)
}

func newCounter(threads, tasks int) *counter {
	return &counter{done: make([]atomic.Int32, tasks), busy: make([]atomic.Bool, threads)}
}

func (c *counter) task(worker, task int) {
	if c.busy[worker].Swap(true) {
		c.shared.Store(true)
	}
	c.done[task].Add(1)
	if c.each != nil {
		c.each(worker, task)
	}
	c.busy[worker].Store(false)
}

func (c *counter) check(t *testing.T) {
	t.Helper()
	for task := range c.done {
		if n := c.done[task].Load(); n != 1 {
			t.Fatalf("task %d of %d was done %d times", task, len(c.done), n)
		}
	}
	if c.shared.Load() {
		t.Fatal("two tasks at once had the same worker's number")
	}
}

func TestPoolDoesEachTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7, 16} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			p := newPool(threads)
			defer p.close()
			for round := range 300 {
				for _, tasks := range []int{0, 1, 2, threads, threads + 1, round} {
					c := newCounter(threads, tasks)
					p.run(tasks, c)
					c.check(t)
				}
			}
		})
	}
}

// Jobs of the same size follow each other at once: a worker that comes late to one must find its place in the next.
func TestPoolRoundsInARow(t *testing.T) {
	const threads, tasks, rounds = 3, 4, 20000
	p := newPool(threads)
	defer p.close()
	counters := make([]*counter, rounds)
	for i := range counters {
		counters[i] = newCounter(threads, tasks)
		if i%2 == 1 {
			counters[i].each = func(_, _ int) { runtime.Gosched() }
		}
	}
	for _, c := range counters {
		p.run(tasks, c)
	}
	for _, c := range counters {
		c.check(t)
	}
}

// What tasks wrote is seen by whoever called run, and by the tasks of the next one: the race detector looks on.
func TestPoolPublishesResults(t *testing.T) {
	const threads, tasks = 4, 64
	p := newPool(threads)
	defer p.close()
	values, c := make([]int, tasks), newCounter(threads, tasks)
	c.each = func(_, task int) {
	}
	c.each = func(_, task int) { values[task] = 2*values[task] + task }
	want := make([]int, tasks)
	for round := range 20 {
		for i := range c.done {
			c.done[i].Store(0)
			want[i] = 2*want[i] + i
		}
		p.run(tasks, c)
		c.check(t)
		for i, v := range values {
			if v != want[i] {
				t.Fatalf("round %d: task %d left %d, want %d", round, i, v, want[i])
			}
		}
	}
}

// In the bubble Wait returns when all workers sleep: the next run must wake them, and none be lost.
func TestPoolWakesSleepers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const threads = 4
		p := newPool(threads)
		defer p.close()
		for range 20 {
			synctest.Wait()
			if n := p.sleepers.Load(); n != threads-1 {
				t.Fatalf("%d workers sleep, want %d", n, threads-1)
			}
			// All tasks wait for each other, so each needs a worker of its own.
			var arrived atomic.Int32
			c := newCounter(threads, threads)
			c.each = func(_, _ int) {
				for arrived.Add(1); arrived.Load() < threads; {
					runtime.Gosched()
				}
			}
			p.run(threads, c)
			c.check(t)
		}
	})
}

// TestMain looks for goroutines that are left.
func TestPoolClose(t *testing.T) {
	for range 50 {
		p := newPool(4)
		c := newCounter(4, 10)
		p.run(10, c)
		p.close()
		c.check(t)
		p.close() // twice is fine
	}
	synctest.Test(t, func(*testing.T) {
		p := newPool(3)
		synctest.Wait() // asleep
		p.close()
	})
}
