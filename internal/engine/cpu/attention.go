package cpu

import (
	"math"
	"sort"
	"time"

	"sensevoice/internal/engine"
	"sensevoice/internal/kernel"
)

// The values of each segment are first gathered channel by channel in time order, zeros before and after: a
// series. The FSMN memory is a convolution of it, and the weighted sum of values takes its rows as a
// matrix. Queries and keys are used in their panels; a panel that two segments share is computed for both, and
// each writes its own lanes.

// seriesPad is the room before and after a series: the memory reaches beyond the segment, and lanes of a
// first or last panel that belong to other segments are read, though not used.
const seriesPad = kernel.Lanes + engine.MaxReach

// seriesPitch returns the distance between the channels of a segment's series.
func seriesPitch(rows int) int { return kernel.Panels(rows)*kernel.Lanes + 2*seriesPad }

// strip is the scratch of one thread: scores of one panel of queries with all keys of a segment, and the
// weighted sum. It grows with a segment's length, not with its square.
func strip(longest, channels, heads int) int {
	keys := kernel.Panels(longest) + 1
	return (keys*kernel.Lanes + channels/heads) * kernel.Lanes
}

// AttentionBytes implements [engine.Engine].
func (e *Engine) AttentionBytes(b engine.Batch, channels, heads int) int64 {
	series, longest := 0, 0
	for i := range b.Segments() {
		rows := b.Starts[i+1] - b.Starts[i]
		series += seriesPitch(rows)
		longest = max(longest, rows)
	}
	return 4 * (int64(series)*int64(channels) + int64(e.pool.threads)*int64(strip(longest, channels, heads)))
}

// attention is one call of Attend.
type attention struct {
	*engine.Attention
	e               *Engine
	batch           engine.Batch
	qkv, context, x []float32
	channels, depth int // of all heads, of one
	series, strips  []float32
	strip           int   // length of one strip
	starts          []int // of each segment's series
	tasks           []int // first task of each segment in attendOp, and their number
}

// Attend implements [engine.Engine].
func (e *Engine) Attend(context, x, qkv engine.Buffer, a *engine.Attention, b engine.Batch, scratch engine.Buffer) {
	start := time.Now()
	at, channels := &e.attention, context.Channels
	*at = attention{
		Attention: a, e: e, batch: b, qkv: e.data(qkv), context: e.data(context), x: e.data(x),
		channels: channels, depth: channels / a.Heads, starts: at.starts[:0], tasks: append(at.tasks[:0], 0),
	}
	series, longest := 0, 0
	for i := range b.Segments() {
		from, to := b.Starts[i], b.Starts[i+1]
		at.starts = append(at.starts, series)
		series += seriesPitch(to-from) * channels
		longest = max(longest, to-from)
		at.tasks = append(at.tasks, at.tasks[i]+a.Heads*(kernel.Panels(to)-from/kernel.Lanes))
	}
	at.strip = strip(longest, channels, a.Heads)
	space := e.arena[scratch.Offset/4:][:series+e.pool.threads*at.strip]
	at.series, at.strips = space[:series], space[series:]

	e.pool.run((channels+memoryChannels-1)/memoryChannels, &e.memory)
	e.timed("fsmn", start)
	start = time.Now()
	e.pool.run(at.tasks[b.Segments()], &e.attend)
	e.timed("attention", start)
}

// memoryChannels is how many channels a task of memoryOp takes.
const memoryChannels = 16

// memoryOp gathers the series of some channels, of all segments, and writes their memory.
type memoryOp struct{ *attention }

func (op *memoryOp) task(worker, task int) {
	first := task * memoryChannels
	last := min(first+memoryChannels, op.channels)
	for i, start := range op.starts {
		from, to := op.batch.Starts[i], op.batch.Starts[i+1]
		pitch := seriesPitch(to - from)
		for c := first; c < last; c++ {
			op.gather(op.series[start+c*pitch:][:pitch], c, from, to)
		}
		for p := from / kernel.Lanes; p < kernel.Panels(to); p++ {
			op.remember(&op.e.workers[worker], op.series[start+first*pitch:], pitch, first, last, p, from, to)
		}
	}
}

// gather copies the values of one channel, rows from to to, behind seriesPad zeros.
func (op *memoryOp) gather(series []float32, channel, from, to int) {
	clear(series[:seriesPad])
	clear(series[seriesPad+to-from:])
	size := 3 * op.channels * kernel.Lanes
	at := (2*op.channels + channel) * kernel.Lanes
	for row := from; row < to; {
		lane := row % kernel.Lanes
		n := min(kernel.Lanes-lane, to-row)
		copy(series[seriesPad+row-from:][:n], op.qkv[row/kernel.Lanes*size+at+lane:])
		row += n
	}
}

// remember writes the memory of channels first to last for the lanes of panel p that lie in the segment.
func (op *memoryOp) remember(w *worker, series []float32, pitch, first, last, p, from, to int) {
	low, high := max(0, from-p*kernel.Lanes), min(kernel.Lanes, to-p*kernel.Lanes)
	w.fsmn = kernel.FSMN{
		Dst:    op.x[(p*op.channels+first)*kernel.Lanes:],
		Series: series[seriesPad+p*kernel.Lanes-from-op.Left:], Pitch: pitch,
		Weights: op.Memory[first*op.Taps:], Taps: op.Taps, Left: op.Left, Channels: last - first,
		Low: low, High: high, Add: op.Add,
	}
	op.e.kernels.FSMN(&w.fsmn)
}

// attendOp computes the context of one head for one panel of queries of one segment.
type attendOp struct{ *attention }

func (op *attendOp) task(worker, task int) {
	segment := sort.SearchInts(op.tasks, task+1) - 1
	from, to := op.batch.Starts[segment], op.batch.Starts[segment+1]
	firstPanel, panels := from/kernel.Lanes, kernel.Panels(to)-from/kernel.Lanes
	head, p := (task-op.tasks[segment])/panels, firstPanel+(task-op.tasks[segment])%panels

	w, lanes, depth := &op.e.workers[worker], kernel.Lanes, op.depth
	space := op.strips[worker*op.strip:][:op.strip]
	sum, scores := space[:depth*lanes], space[depth*lanes:]
	size, query := 3*op.channels*lanes, head*depth*lanes
	w.scores = kernel.Scores{
		Keys: op.qkv[firstPanel*size+op.channels*lanes+query:], Pitch: size,
		Query: op.qkv[p*size+query:], Out: scores, Depth: depth, Panels: panels,
	}
	op.e.kernels.Scores(&w.scores)

	mine := scores[from%lanes*lanes:] // keys before belong to the segment before
	op.e.kernels.Softmax(mine, to-from, float32(1/math.Sqrt(float64(depth))), &w.sums)

	pitch := seriesPitch(to - from)
	w.gemm = kernel.GEMM{
		W: op.series[op.starts[segment]+head*depth*pitch+seriesPad:], LDW: pitch, N: depth, K: to - from,
		X: mine, Y: sum, Rows: lanes,
	}
	op.e.kernels.GEMM(&w.gemm)
	low, high := max(0, from-p*lanes), min(lanes, to-p*lanes)
	op.e.kernels.DivideLanes(op.context[(p*op.channels+head*depth)*lanes:], sum, &w.sums, depth, low, high)
}
