package cpu

import (
	"time"

	"sensevoice/internal/engine"
	"sensevoice/internal/kernel"
)

// loadOp turns row-major values into panels; a task is a panel.
type loadOp struct {
	dst            []float32
	values         []float32
	rows, channels int
}

// Load implements [engine.Engine]. Lanes after the last row become zero.
func (e *Engine) Load(dst engine.Buffer, values []float32) {
	defer e.timed("load", time.Now())
	e.load = loadOp{e.data(dst), values[:dst.Rows*dst.Channels], dst.Rows, dst.Channels}
	e.pool.run(kernel.Panels(dst.Rows), &e.load)
	e.load = loadOp{}
}

func (op *loadOp) task(_, p int) {
	size := op.channels * kernel.Lanes
	panel := op.dst[p*size:][:size]
	rows := min(kernel.Lanes, op.rows-p*kernel.Lanes)
	if rows < kernel.Lanes {
		clear(panel)
	}
	for r := range rows {
		for c, v := range op.values[(p*kernel.Lanes+r)*op.channels:][:op.channels] {
			panel[c*kernel.Lanes+r] = v
		}
	}
}

// Read implements [engine.Engine].
func (e *Engine) Read(dst []float32, src engine.Buffer) {
	dst, data := dst[:src.Rows*src.Channels], e.data(src)
	for row := range src.Rows {
		panel := data[row/kernel.Lanes*src.Channels*kernel.Lanes:]
		for c := range src.Channels {
			dst[row*src.Channels+c] = panel[c*kernel.Lanes+row%kernel.Lanes]
		}
	}
}

// normOp is a layer normalisation; a task is a panel.
type normOp struct {
	kernels  *kernel.Set
	dst, src []float32
	size     int // of a panel
	norm     engine.Norm
}

// LayerNorm implements [engine.Engine].
func (e *Engine) LayerNorm(dst, src engine.Buffer, norm engine.Norm) {
	defer e.timed("layer norm", time.Now())
	e.norm = normOp{e.kernels, e.data(dst), e.data(src), src.Channels * kernel.Lanes, norm}
	e.pool.run(kernel.Panels(src.Rows), &e.norm)
}

func (op *normOp) task(_, p int) {
	op.kernels.LayerNorm(op.dst[p*op.size:][:op.size], op.src[p*op.size:][:op.size], op.norm.Gamma, op.norm.Beta)
}
