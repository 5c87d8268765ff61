// Package cpu runs the engine's operations on the processor: it cuts each into tasks for a pool of threads and
// hands them to the kernels.
package cpu

import (
	"fmt"
	"time"

	"sensevoice/internal/engine"
	"sensevoice/internal/kernel"
)

// Engine implements [engine.Engine] on the processor.
type Engine struct {
	kernels *kernel.Set
	pool    *pool
	arena   []float32
	workers []worker
	times   map[string]time.Duration

	load      loadOp
	norm      normOp
	linear    linearOp
	attention attention
	memory    memoryOp
	attend    attendOp
	logits    logitsOp
}

// worker is what one thread keeps: arguments live here rather than on the stack because kernels are called
// through pointers, which would move them to the heap at every call.
type worker struct {
	tile   []float32 // weights widened to float32
	gemm   kernel.GEMM
	scores kernel.Scores
	fsmn   kernel.FSMN
	best   kernel.ArgMax
	sums   [kernel.Lanes]float32
	_      [64]byte // the next worker's fields lie in another cache line
}

var _ engine.Engine = (*Engine)(nil)

// maxThreads bounds --threads: above it the number is surely a mistake.
const maxThreads = 1024

// maxArena is what the runtime can be asked for without a panic: below the 2^47 bytes that a process can
// address on amd64.
const maxArena = 1 << 46

// New makes an engine with the kernels of one instruction set. Threads 0 means [DefaultThreads].
func New(kernels *kernel.Set, threads int) (*Engine, error) {
	if threads == 0 {
		threads = DefaultThreads()
	}
	if threads < 1 || threads > maxThreads {
		return nil, fmt.Errorf("%d threads: must be from 1 to %d, or 0 for all that this process may use (%d)", threads, maxThreads, DefaultThreads())
	}
	e := &Engine{kernels: kernels, pool: newPool(threads), workers: make([]worker, threads), times: map[string]time.Duration{}}
	e.memory.attention, e.attend.attention = &e.attention, &e.attention
	return e, nil
}

// Name implements [engine.Engine].
func (e *Engine) Name() string {
	return fmt.Sprintf("cpu (%s, %d threads)", e.kernels.ISA(), e.pool.threads)
}

// Threads returns the number of threads that share each operation.
func (e *Engine) Threads() int { return e.pool.threads }

// BufferBytes implements [engine.Engine]: whole panels, in cache lines.
func (e *Engine) BufferBytes(rows, channels int) int64 {
	return int64(kernel.Panels(rows)) * int64(channels) * kernel.Lanes * 4
}

// Reserve implements [engine.Engine].
func (e *Engine) Reserve(bytes int64) error {
	if bytes <= e.Reserved() {
		return nil
	}
	if bytes > maxArena {
		return fmt.Errorf("arena of %d bytes: more than a process can address (%d)", bytes, int64(maxArena))
	}
	e.arena = nil // before the new one, so that both never exist at once
	e.arena = make([]float32, (bytes+3)/4)
	return nil
}

// Release gives the arena back. The next Reserve takes it again.
func (e *Engine) Release() { e.arena = nil }

// Reserved implements [engine.Engine].
func (e *Engine) Reserved() int64 { return int64(len(e.arena)) * 4 }

// Times implements [engine.Engine].
func (e *Engine) Times() map[string]time.Duration { return e.times }

// Close implements [engine.Engine].
func (e *Engine) Close() error {
	e.pool.close()
	e.arena = nil
	return nil
}

// timed adds the time since start to an operation's account; use it with defer.
func (e *Engine) timed(operation string, start time.Time) { e.times[operation] += time.Since(start) }

// data returns a buffer's part of the arena.
func (e *Engine) data(b engine.Buffer) []float32 {
	size := e.BufferBytes(b.Rows, b.Channels)
	return e.arena[b.Offset/4 : (b.Offset+size)/4]
}
