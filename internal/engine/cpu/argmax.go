package cpu

import (
	"math"
	"time"

	"sensevoice/internal/engine"
	"sensevoice/internal/kernel"
)

// Logits are made chunk by chunk of the vocabulary, for a few panels at a time, and reduced at once: per
// row and chunk there remain a maximum, its index and a sum of exponentials. Chunks are joined in
// their order, so that the result does not depend on which thread was faster.

const (
	chunkRows   = 384 // vocabulary entries: whole tiles of every instruction set
	chunkPanels = 8   // logits of a chunk: 196 KB, in the second-level cache
	logitsSize  = chunkRows * chunkPanels * kernel.Lanes
	partKinds   = 4
)

func chunks(vocabulary int) int { return (vocabulary + chunkRows - 1) / chunkRows }

// ArgMaxBytes implements [engine.Engine].
func (e *Engine) ArgMaxBytes(rows, vocabulary int) int64 {
	parts := partKinds * chunks(vocabulary) * kernel.Panels(rows) * kernel.Lanes
	return 4 * (int64(parts) + int64(e.pool.threads)*logitsSize)
}

// logitsOp makes and reduces logits; a task is one chunk over one block of panels. What remains of a chunk and row
// is at [chunk*lanes+row], lanes being the rows in whole panels.
type logitsOp struct {
	e             *Engine
	head          *engine.Linear
	m             *matrix
	x             []float32
	batch         engine.Batch
	bans          []engine.Ban
	scratch       []float32
	rows, lanes   int
	chunks        int
	largest, sums []float32 // over all entries
	best, index   []float32 // over those not banned; the index as bits
}

// ArgMax implements [engine.Engine].
func (e *Engine) ArgMax(
	ids []int32, logProbs []float32, src engine.Buffer, head *engine.Linear, b engine.Batch, bans []engine.Ban, scratch engine.Buffer,
) {
	defer e.timed("ctc arg-max", time.Now())
	m := head.Weights.(*matrix)
	lanes, n := kernel.Panels(src.Rows)*kernel.Lanes, chunks(m.outputs)
	space := e.arena[scratch.Offset/4:]
	part := func(i int) []float32 { return space[i*n*lanes:][:n*lanes] }
	e.logits = logitsOp{
		e: e, head: head, m: m, x: e.data(src), batch: b, bans: bans, rows: src.Rows, lanes: lanes, chunks: n,
		largest: part(0), sums: part(1), best: part(2), index: part(3),
		scratch: space[partKinds*n*lanes:][:e.pool.threads*logitsSize],
	}
	e.pool.run((kernel.Panels(src.Rows)+chunkPanels-1)/chunkPanels*n, &e.logits)
	for row := range src.Rows {
		ids[row], logProbs[row] = e.logits.join(row)
	}
}

func (op *logitsOp) task(worker, task int) {
	p, chunk := task/op.chunks*chunkPanels, task%op.chunks
	first := chunk * chunkRows
	last := min(first+chunkRows, op.m.outputs)
	rows := min(chunkPanels*kernel.Lanes, op.rows-p*kernel.Lanes)
	logits := op.scratch[worker*logitsSize:][:logitsSize]
	w := &op.e.workers[worker]
	op.product(w, logits, first, last, p, rows)
	size := (last - first) * kernel.Lanes
	for i := range kernel.Panels(rows) {
		panel, at := logits[i*size:][:size], chunk*op.lanes+(p+i)*kernel.Lanes
		op.e.kernels.ArgMax(panel, last-first, &w.best)
		copy(op.largest[at:], w.best.Max[:])
		copy(op.sums[at:], w.best.Sum[:])
		if op.ban(panel, p+i, first, last) {
			op.e.kernels.ArgMax(panel, last-first, &w.best)
		}
		copy(op.best[at:], w.best.Max[:])
		for l, index := range w.best.Index {
			op.index[at+l] = math.Float32frombits(uint32(first + int(index)))
		}
	}
}

// product makes the logits of vocabulary entries first to last (exclusive) for rows from panel p on.
func (op *logitsOp) product(w *worker, logits []float32, first, last, p, rows int) {
	m, n := op.m, last-first
	for tile := range op.e.kernels.Tiles(n) {
		from, to := first+op.e.kernels.TileStart(n, tile), first+op.e.kernels.TileStart(n, tile+1)
		w.gemm = kernel.GEMM{
			W: m.tile(w, from, to), LDW: m.inputs, N: to - from, K: m.inputs, Bias: op.head.Bias[from:to],
			X: op.x[p*m.inputs*kernel.Lanes:], XPitch: m.inputs * kernel.Lanes,
			Y: logits[(from-first)*kernel.Lanes:], YPitch: n * kernel.Lanes,
			Rows: rows, Ahead: m.ahead(to),
		}
		op.e.kernels.GEMM(&w.gemm)
	}
}

// ban lowers the logits of banned entries in a panel to -Inf and tells whether there were any.
func (op *logitsOp) ban(panel []float32, p, first, last int) (banned bool) {
	for _, ban := range op.bans {
		if int(ban.ID) < first || int(ban.ID) >= last {
			continue
		}
		from := max(op.batch.Starts[ban.Segment]-p*kernel.Lanes, 0)
		to := min(op.batch.Starts[ban.Segment+1]-p*kernel.Lanes, kernel.Lanes)
		for l := from; l < to; l++ {
			panel[(int(ban.ID)-first)*kernel.Lanes+l] = float32(math.Inf(-1))
			banned = true
		}
	}
	return banned
}

// join makes one row's answer out of its chunks: the first of the best entries, and its logit less
// the logarithm of the sum of all exponentials.
func (op *logitsOp) join(row int) (id int32, logProb float32) {
	largest, best := math.Inf(-1), float32(math.Inf(-1))
	for at := row; at < len(op.largest); at += op.lanes {
		largest = max(largest, float64(op.largest[at]))
		if op.best[at] > best {
			best, id = op.best[at], int32(math.Float32bits(op.index[at]))
		}
	}
	total := 0.0
	for at := row; at < len(op.largest); at += op.lanes {
		total += float64(op.sums[at]) * math.Exp(float64(op.largest[at])-largest)
	}
	return id, float32(float64(best) - largest - math.Log(total))
}
