package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// operation is work in tasks that may be done in any order, at the same time. Worker numbers are below the pool's
// threads, and no two calls at once get the same. Operations are kept and reused, so that running one
// allocates nothing.
type operation interface {
	task(worker, task int)
}

// pool runs the tasks of one operation on a fixed number of threads, the caller's among them. Operations
// follow each other within microseconds, so an idle worker looks around for a while before it sleeps.
//
// A task is taken by advancing the counter in state, which holds the job's size too: whoever
// advances it has a task of the present job, and the present job cannot end, nor op change, before that task
// has been counted as finished. A worker that comes late therefore finds no task and does no harm, and
// the caller never waits for one that the system has put aside without work.
type pool struct {
	threads  int
	op       operation
	state    atomic.Uint64 // tasks<<32 | next task
	finished atomic.Uint32

	mu       sync.Mutex
	wake     sync.Cond
	sleepers atomic.Int32
	closed   bool // under mu
	workers  sync.WaitGroup
}

// looks is how often an idle worker looks for work before it sleeps, and the caller for the last task before it lets others
// run: some 50 µs. To yield more often would cost a tenth of the speed, since the runtime then wakes and parks threads.
const looks = 1 << 14

func newPool(threads int) *pool {
	p := &pool{threads: threads}
	p.wake.L = &p.mu
	for worker := 1; worker < threads; worker++ {
		p.workers.Go(func() { p.work(worker) })
	}
	return p
}

// run does each task, 0 to tasks-1, once and returns when all are done. Only one run may be under way.
func (p *pool) run(tasks int, op operation) {
	if p.threads == 1 || tasks == 1 {
		for task := range tasks {
			op.task(0, task)
		}
		return
	}
	p.op = op
	p.finished.Store(0)
	p.state.Store(uint64(tasks) << 32)
	if p.sleepers.Load() > 0 {
		p.mu.Lock()
		p.wake.Broadcast()
		p.mu.Unlock()
	}
	for p.take(0) {
	}
	for look := 1; p.finished.Load() < uint32(tasks); look++ {
		if look%looks == 0 {
			runtime.Gosched()
		}
	}
}

// take does one task if there is one left.
func (p *pool) take(worker int) bool {
	for {
		s := p.state.Load()
		if uint32(s) >= uint32(s>>32) {
			return false
		}
		if p.state.CompareAndSwap(s, s+1) {
			p.op.task(worker, int(uint32(s)))
			p.finished.Add(1)
			return true
		}
	}
}

func (p *pool) work(worker int) {
	for {
		for look := 1; look < looks; look++ {
			if p.take(worker) {
				look = 0
			}
		}
		if p.sleep() {
			return
		}
	}
}

// sleep waits for a job. A sleeper counts itself before it looks a last time, and a caller posts the job before
// it looks for sleepers, so one of the two sees the other.
func (p *pool) sleep() (closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sleepers.Add(1)
	defer p.sleepers.Add(-1)
	for !p.closed {
		if s := p.state.Load(); uint32(s) < uint32(s>>32) {
			return false
		}
		p.wake.Wait()
	}
	return true
}

// close ends the workers and waits for them.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.wake.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}
