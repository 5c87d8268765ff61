// Package compute joins the network to worker processes: it is what a worker does with a batch, and how a server hands one over.
package compute

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sensevoice/internal/sensevoice"
	"sensevoice/internal/worker"
)

// idleFor is how long a worker has nothing to do before it gives back its working memory.
const idleFor = time.Minute

// Handler computes batches of segments. It implements [worker.Handler] for a process, and [worker.Runner] for a server that computes
// itself while no worker is up.
type Handler struct {
	network *sensevoice.Network
	runner  *sensevoice.Runner
	release func()

	mu   sync.Mutex
	last time.Time // when a batch ended; zero: nothing is held
}

// New makes a handler. Release gives back the engine's working memory, which the next batch takes again.
func New(n *sensevoice.Network, release func()) *Handler {
	return &Handler{network: n, runner: n.NewRunner(), release: release}
}

// Compute computes a batch of segments, as [worker.EncodeSegment] writes them.
func (h *Handler) Compute(ctx context.Context, items [][]byte) ([][]byte, error) {
	segments, rows := make([]sensevoice.Segment, len(items)), make([]int, len(items))
	for i, item := range items {
		var err error
		if segments[i], err = worker.DecodeSegment(item); err != nil {
			return nil, err
		}
		rows[i] = len(segments[i].Features) / h.network.Config.Input
	}
	plan, err := h.network.Plan(rows)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out, err := h.runner.Run(ctx, plan, segments)
	h.last = time.Now()
	if err != nil {
		return nil, err
	}
	results := make([][]byte, len(items))
	for i := range results {
		from, to := out.Starts[i], out.Starts[i+1]
		results[i] = worker.EncodeRows(out.IDs[from:to], out.LogProbs[from:to])
	}
	return results, nil
}

// Run implements [worker.Handler].
func (h *Handler) Run(items [][]byte) ([][]byte, error) {
	return h.Compute(context.Background(), items)
}

// GiveBack implements [worker.Handler]. All that is held is working memory, which no level keeps between two batches.
func (h *Handler) GiveBack(int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.last.IsZero() {
		h.release()
		h.last = time.Time{}
	}
	return nil
}

// Idle implements [worker.Handler].
func (h *Handler) Idle() error {
	h.mu.Lock()
	idle := !h.last.IsZero() && time.Since(h.last) > idleFor
	h.mu.Unlock()
	if idle {
		return h.GiveBack(1)
	}
	return nil
}

// Fatal implements [worker.Handler]: no error of the processor needs a new process.
func (h *Handler) Fatal(error) bool { return false }

// Local is a handler as a [worker.Runner].
type Local struct{ *Handler }

// Run implements [worker.Runner].
func (l Local) Run(ctx context.Context, items [][]byte) ([][]byte, error) {
	return l.Compute(ctx, items)
}

// Remote runs planned batches on workers, as a [sensevoice.Runner] does on its engine.
type Remote struct{ Workers worker.Runner }

// Run computes a batch that plan was made for.
func (r Remote) Run(ctx context.Context, plan *sensevoice.Plan, segments []sensevoice.Segment) (*sensevoice.Output, error) {
	items := make([][]byte, len(segments))
	for i, s := range segments {
		items[i] = worker.EncodeSegment(s)
	}
	results, err := r.Workers.Run(ctx, items)
	if err != nil {
		return nil, err
	}
	if len(results) != len(segments) {
		return nil, fmt.Errorf("a worker answered %d of %d segments", len(results), len(segments))
	}
	out := &sensevoice.Output{Starts: plan.Batch.Starts}
	for i, result := range results {
		ids, logProbs, err := worker.DecodeRows(result, out.Starts[i+1]-out.Starts[i])
		if err != nil {
			return nil, fmt.Errorf("segment %d: %w", i, err)
		}
		out.IDs, out.LogProbs = append(out.IDs, ids...), append(out.LogProbs, logProbs...)
	}
	return out, nil
}

// Deadline is how long a batch of segments may take: a minute, and a hundred times what a slow processor needs for the sound.
func Deadline(items [][]byte) time.Duration {
	bytes := 0
	for _, item := range items {
		bytes += len(item)
	}
	const bytesPerSecond = 4 * 560 * 1000 / 60
	return time.Minute + time.Duration(bytes/bytesPerSecond)*10*time.Second
}
