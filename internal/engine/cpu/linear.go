package cpu

import (
	"fmt"
	"time"

	"github.com/klauspost/cpuid/v2"

	"sensevoice/internal/engine"
	"sensevoice/internal/kernel"
	"sensevoice/internal/weights"
)

// matrix is a weight matrix where the model file has it: nothing is copied. Float32 is used in place; other
// types are widened a tile at a time, into a buffer that stays in the first-level cache.
type matrix struct {
	label           string // names the operation in the account of times
	outputs, inputs int
	tileRows        int       // of the kernels
	float32s        []float32 // if stored so
	stored          []byte
	rowBytes        int
	widen           func(dst []float32, src []byte)
}

// Shape implements [engine.Matrix].
func (m *matrix) Shape() (outputs, inputs int) { return m.outputs, m.inputs }

// Matrix implements [engine.Engine].
func (e *Engine) Matrix(t *weights.Tensor) (engine.Matrix, error) {
	if len(t.Shape) != 2 || t.Shape[0] < 1 || t.Shape[1] < 1 {
		return nil, fmt.Errorf("tensor %s: shape %v is no matrix", t.Name, t.Shape)
	}
	if size := t.Type.Bytes(t.Elements()); len(t.Data) != size {
		return nil, fmt.Errorf("tensor %s: %v of shape %v has %d bytes, want %d", t.Name, t.Type, t.Shape, len(t.Data), size)
	}
	m := &matrix{
		label: fmt.Sprintf("linear %d→%d", t.Shape[1], t.Shape[0]), outputs: t.Shape[0], inputs: t.Shape[1],
		tileRows: e.kernels.TileRows(), stored: t.Data,
	}
	switch t.Type {
	case weights.F32:
		values, ok := t.Float32s()
		if !ok {
			values = make([]float32, t.Elements()) // not aligned in the file
			if err := t.Decode(values); err != nil {
				return nil, err
			}
		}
		m.float32s = values
	case weights.F16:
		m.rowBytes, m.widen = 2*m.inputs, e.kernels.Float16
	case weights.Q8_0:
		if m.inputs%kernel.Q8Block != 0 {
			return nil, fmt.Errorf("tensor %s: rows of %d values in blocks of %d", t.Name, m.inputs, kernel.Q8Block)
		}
		m.rowBytes, m.widen = m.inputs/kernel.Q8Block*kernel.Q8Bytes, e.kernels.Q8
	default:
		return nil, fmt.Errorf("tensor %s: type %v is not supported for matrices", t.Name, t.Type)
	}
	return m, nil
}

// tile returns weight rows first to last (exclusive), widened into the worker's buffer if need be.
func (m *matrix) tile(w *worker, first, last int) []float32 {
	if m.float32s != nil {
		return m.float32s[first*m.inputs : last*m.inputs]
	}
	if need := m.tileRows * m.inputs; len(w.tile) < need {
		w.tile = make([]float32, need) // once per thread: the largest matrix decides
	}
	tile := w.tile[:(last-first)*m.inputs]
	m.widen(tile, m.stored[first*m.rowBytes:])
	return tile
}

// ahead returns the tile of weights from row n on, for the kernel to fetch while it works; nil if there is none.
func (m *matrix) ahead(n int) []float32 {
	if m.float32s == nil || n >= m.outputs {
		return nil
	}
	return m.float32s[n*m.inputs : min(n+m.tileRows, m.outputs)*m.inputs]
}

// blockBytes is how much of the activations a thread works on at once: half of a second-level cache of the usual sizes,
// so that the other half holds a tile of weights, the next one, and what is written. A virtual machine may tell any size.
var blockBytes = min(max(cpuid.CPU.Cache.L2/2, 256<<10), 1<<20)

// blockPanels returns how many panels of that many channels make a block.
func blockPanels(channels int) int { return max(1, blockBytes/(channels*kernel.Lanes*4)) }

// linearOp is one linear layer. A task is one tile of weights over one block of panels; tiles vary fastest,
// so that the threads share the block and read different weights.
type linearOp struct {
	e      *Engine
	layer  *engine.Linear
	m      *matrix
	x, y   []float32
	rows   int
	block  int // panels
	tiles  int
	stride int // tiles from one of a thread's to its next, most likely: threads take them in turn
}

// Linear implements [engine.Engine].
func (e *Engine) Linear(dst, src engine.Buffer, layer *engine.Linear) {
	m := layer.Weights.(*matrix)
	defer e.timed(m.label, time.Now())
	block := blockPanels(m.inputs)
	e.linear = linearOp{
		e: e, layer: layer, m: m, x: e.data(src), y: e.data(dst),
		rows: src.Rows, block: block, tiles: e.kernels.Tiles(m.outputs), stride: e.pool.threads,
	}
	blocks := (kernel.Panels(src.Rows) + block - 1) / block
	e.pool.run(blocks*e.linear.tiles, &e.linear)
}

func (op *linearOp) task(worker, task int) {
	w, m := &op.e.workers[worker], op.m
	p, tile := task/op.tiles*op.block, task%op.tiles
	first, last := op.e.kernels.TileStart(m.outputs, tile), op.e.kernels.TileStart(m.outputs, tile+1)
	w.gemm = kernel.GEMM{
		W: m.tile(w, first, last), LDW: m.inputs, N: last - first, K: m.inputs, Bias: op.layer.Bias[first:last],
		X: op.x[p*m.inputs*kernel.Lanes:], XPitch: m.inputs * kernel.Lanes,
		Y: op.y[(p*m.outputs+first)*kernel.Lanes:], YPitch: m.outputs * kernel.Lanes,
		Rows: min(op.block*kernel.Lanes, op.rows-p*kernel.Lanes),
		ReLU: op.layer.Activation == engine.ReLU, Add: op.layer.Add,
		Ahead: m.ahead(op.e.kernels.TileStart(m.outputs, tile+op.stride)),
	}
	op.e.kernels.GEMM(&w.gemm)
}
