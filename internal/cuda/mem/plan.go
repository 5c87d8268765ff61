package mem

import (
	"fmt"

	"sensevoice/internal/gpu"
	"sensevoice/internal/sensevoice"
)

// Precision is what operands of products are on the GPU. Sums and the residual stream are float32 always.
type Precision uint8

// The precisions.
const (
	FP16 Precision = iota
	FP32
)

// bytes returns the size of an operand.
func (p Precision) bytes() uint64 {
	if p == FP32 {
		return 4
	}
	return 2
}

const (
	align       = 256 // bytes that buffers begin at a multiple of
	rowTile     = 128 // rows that a product computes together
	columnTile  = 128 // columns likewise
	depthTile   = 64  // what the depth of a product is padded to
	partial     = 16  // bytes of a row's arg-max over one tile of the vocabulary
	tables      = 16  // bytes a row: its segment, its result
	fixedTables = 64 << 10
	frameSlots  = 6 // frames of log-mel that a row moves on by
	hop         = 160
	melBins     = 80
	positions   = 600 // rows of the table of positions: one longest segment and its queries
)

// LongestRows is the longest segment, 30 s with some slack, in rows.
const LongestRows = 550

// Region is a part of the workspace: several buffers that live at different times.
type Region struct {
	Name   string
	Bytes  uint64 // a row
	Tenant []Tenant
}

// Tenant is a buffer of a region and the steps of a block during which it must be left alone.
type Tenant struct {
	Name     string
	Bytes    uint64
	From, To int // steps, both included
}

// The steps of the forward pass, in order; blocks repeat those from stepNorm to stepFF2.
const (
	stepUpload = iota
	stepMel
	stepFront
	stepQKV
	stepAttend
	stepMemory
	stepOut
	stepNorm
	stepFF1
	stepFF2
	stepHead
)

// Regions returns what a row of a batch takes, region by region.
func Regions(c sensevoice.Config, p Precision) []Region {
	width, hidden := uint64(c.Width), uint64(c.FeedForward)
	input := roundUp(uint64(c.Input), depthTile)
	heads := roundUp(uint64(c.Vocabulary), columnTile) / columnTile
	regions := []Region{
		{Name: "residual", Tenant: []Tenant{{"x", 4 * width, stepMemory, stepHead}}},
		{Name: "normed", Tenant: []Tenant{
			{"front", p.bytes() * input, stepFront, stepQKV},
			{"context", p.bytes() * width, stepAttend, stepOut},
			{"normed", p.bytes() * width, stepNorm, stepFF1},
		}},
		{Name: "hidden", Tenant: []Tenant{
			{"mel", 4 * melBins * frameSlots, stepMel, stepFront},
			{"qkv", p.bytes() * 3 * width, stepQKV, stepMemory},
			{"hidden", p.bytes() * hidden, stepFF1, stepFF2},
			{"arg-max", partial * heads, stepHead, stepHead},
		}},
		{Name: "sound", Tenant: []Tenant{{"pcm", 2 * 2 * hop * frameSlots, stepUpload, stepHead}}}, // one batch computes, the next arrives
		{Name: "tables", Tenant: []Tenant{{"tables", tables, stepUpload, stepHead}}},
	}
	for i := range regions {
		for _, t := range regions[i].Tenant {
			regions[i].Bytes = max(regions[i].Bytes, t.Bytes)
		}
	}
	return regions
}

// WorkspaceBytes returns the bytes that a batch of so many rows takes, all segments' query rows counted.
func WorkspaceBytes(c sensevoice.Config, p Precision, rows int) uint64 {
	padded := roundUp(uint64(max(rows, 1)), rowTile)
	sum := uint64(fixedTables)
	for _, r := range Regions(c, p) {
		sum += roundUp(r.Bytes*padded, align)
	}
	return sum
}

// WeightBytes returns the bytes that the weights take on the device, padded as products want them. Gains and offsets of layer norms are
// folded into what follows them.
func WeightBytes(c sensevoice.Config, p Precision) uint64 {
	sum := uint64(0)
	add := func(bytes uint64) { sum += roundUp(bytes, align) }
	matrix := func(outputs, inputs int) {
		n := roundUp(uint64(outputs), columnTile)
		add(p.bytes() * n * roundUp(uint64(inputs), depthTile))
		add(4 * n) // bias
	}
	for block := range c.Blocks + c.TPBlocks {
		input := c.Width
		if block == 0 {
			input = c.Input
		}
		matrix(3*c.Width, input)
		matrix(c.Width, c.Width)
		matrix(c.FeedForward, c.Width)
		matrix(c.Width, c.FeedForward)
		add(4 * uint64(c.Kernel) * uint64(c.Width)) // the memory's taps
	}
	matrix(c.Vocabulary, c.Width)
	add(4 * uint64(2*c.Width))         // after_norm
	add(4 * uint64(2*c.Input))         // normalisation of the input
	add(4 * uint64(16*c.Input))        // queries
	add(4 * uint64(positions*c.Input)) // positions
	return sum
}

// contextEstimate is what the driver's context and the kernels' code take, until a worker has measured it: 0.3 to 0.5 GB are reported for
// other programs.
const contextEstimate = 512 << 20

// Price returns what must fit on a GPU before the model can serve from it.
func Price(c sensevoice.Config, p Precision) gpu.Price {
	return gpu.Price{Context: contextEstimate, Weights: WeightBytes(c, p), Floor: WorkspaceBytes(c, p, LongestRows)}
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

// String names the precision.
func (p Precision) String() string {
	if p == FP32 {
		return "fp32"
	}
	return "fp16"
}

// Frames returns the rows of a segment with so many samples at 16 kHz, its query rows counted.
func Frames(samples int) (int, error) {
	if samples < 400 {
		return 0, fmt.Errorf("%d samples are less than one frame of 25 ms", samples)
	}
	frames := 1 + (samples-400)/hop
	return (frames+frameSlots-1)/frameSlots + sensevoice.QueryRows, nil
}
