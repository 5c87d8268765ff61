package vad

import (
	"sensevoice/internal/feature"
	"sensevoice/internal/kernel"
)

// affine is a layer Y = X·Wᵀ + b; b may be missing.
type affine struct {
	weights         []float32 // outputs rows of inputs
	bias            []float32
	outputs, inputs int
}

// block is one layer of memory: narrow, remember, widen.
type block struct {
	linear affine
	memory []float32 // a row of taps for each output of linear, the oldest first
	taps   int
	affine affine
}

// history returns the size of the past that the memory needs: taps-1 rows.
func (b *block) history() int { return b.linear.outputs * (b.taps - 1) }

// workspace is the scratch memory of one call. It holds nothing between calls, so all streams share a few.
type workspace struct {
	samples  []float32
	frames   []float32 // log-mel
	energies []float32
	scores   []score
	features feature.Workspace

	x, y   []float32 // panels; each layer reads x, writes y, and swaps the two
	series []float32 // a channel after the other, in time
	gemm   kernel.GEMM
	fsmn   kernel.FSMN
	sums   [kernel.Lanes]float32
}

func newWorkspace(m *Model) *workspace {
	cfg := feature.VAD
	ws := &workspace{
		samples:  make([]float32, (blockRows-1)*cfg.FrameShift+cfg.FrameLength),
		frames:   make([]float32, (blockRows+2*pad)*cfg.Bins),
		energies: make([]float32, blockRows+2*pad),
		scores:   make([]score, blockRows),
	}
	widest, series := cfg.Width(), 0
	for _, a := range []*affine{&m.inLinear1, &m.inLinear2, &m.outLinear1, &m.outLinear2} {
		widest = max(widest, a.outputs)
	}
	for i := range m.blocks {
		channels := m.blocks[i].linear.outputs
		widest = max(widest, channels)
		series = max(series, channels*m.blocks[i].pitch())
	}
	ws.x, ws.y, ws.series = make([]float32, widest*blockRows), make([]float32, widest*blockRows), make([]float32, series)
	return ws
}

func (m *Model) workspace() *workspace { return m.workspaces.Get().(*workspace) }

// silence writes the probability of silence of each row; rows begin at successive frames of the workspace. Caches
// hold each block's past and are moved on.
func (m *Model) silence(scores []score, caches [][]float32, ws *workspace) {
	rows, k := len(scores), m.kernels
	m.stack(ws.x, ws.frames, rows)
	ws.apply(k, &m.inLinear1, rows, false)
	ws.apply(k, &m.inLinear2, rows, true)
	for i := range m.blocks {
		b := &m.blocks[i]
		ws.apply(k, &b.linear, rows, false)
		ws.remember(k, b, caches[i], rows)
		ws.apply(k, &b.affine, rows, true)
	}
	ws.apply(k, &m.outLinear1, rows, false)
	ws.apply(k, &m.outLinear2, rows, false)
	ws.softmax(k, m.outLinear2.outputs, scores)
}

// stack writes the rows into x: successive frames side by side, normalised.
func (m *Model) stack(x, frames []float32, rows int) {
	width := feature.VAD.Width()
	shift, scale := m.cmvn.Shift[:width], m.cmvn.Scale[:width]
	for row := range rows {
		panel := x[row/kernel.Lanes*width*kernel.Lanes:][:width*kernel.Lanes]
		for i, value := range frames[row*feature.VAD.Bins:][:width] {
			panel[i*kernel.Lanes+row%kernel.Lanes] = (value + shift[i]) * scale[i]
		}
	}
}

// apply computes a layer from x and leaves its result in x.
func (ws *workspace) apply(kernels *kernel.Set, a *affine, rows int, relu bool) {
	ws.gemm = kernel.GEMM{
		W: a.weights, LDW: a.inputs, N: a.outputs, K: a.inputs, Bias: a.bias,
		X: ws.x, XPitch: a.inputs * kernel.Lanes,
		Y: ws.y, YPitch: a.outputs * kernel.Lanes,
		Rows: rows, ReLU: relu,
	}
	kernels.GEMM(&ws.gemm)
	ws.x, ws.y = ws.y, ws.x
}

// pitch is the distance between the channels of a series: the past and a block.
func (b *block) pitch() int { return b.taps - 1 + blockRows }

// remember adds to each value of x the weighted sum of its channel's latest taps values, its own included.
// The cache holds the taps-1 values before the block, channel after channel, and is moved on.
func (ws *workspace) remember(kernels *kernel.Set, b *block, cache []float32, rows int) {
	channels, past, pitch := b.linear.outputs, b.taps-1, b.pitch()
	size := channels * kernel.Lanes
	panels := kernel.Panels(rows)
	for c := range channels {
		series := ws.series[c*pitch:][:pitch]
		held := cache[c*past:][:past]
		copy(series, held)
		for p := range panels {
			copy(series[past+p*kernel.Lanes:], ws.x[p*size+c*kernel.Lanes:][:kernel.Lanes])
		}
		copy(held, series[rows:])
	}
	for p := range panels {
		ws.fsmn = kernel.FSMN{
			Dst: ws.x[p*size:][:size], Series: ws.series[p*kernel.Lanes:], Pitch: pitch,
			Weights: b.memory, Taps: b.taps, Left: past, Channels: channels, High: kernel.Lanes,
		}
		kernels.FSMN(&ws.fsmn)
	}
}

// softmax writes the first of the outputs' probabilities: silence.
func (ws *workspace) softmax(kernels *kernel.Set, outputs int, scores []score) {
	size := outputs * kernel.Lanes
	for p := range kernel.Panels(len(scores)) {
		panel := ws.x[p*size:][:size]
		kernels.Softmax(panel, outputs, 1, &ws.sums)
		for i := range scores[p*kernel.Lanes : min((p+1)*kernel.Lanes, len(scores))] {
			scores[p*kernel.Lanes+i].silence = panel[i] / ws.sums[i]
		}
	}
}

// repeat copies a frame to count places from first on.
func (ws *workspace) repeat(frame, first, count int) {
	bins := feature.VAD.Bins
	for i := first; i < first+count; i++ {
		copy(ws.frames[i*bins:][:bins], ws.frames[frame*bins:])
		ws.energies[i] = ws.energies[frame]
	}
}
