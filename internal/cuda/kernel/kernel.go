//go:build linux && (amd64 || arm64)

// Package kernel holds the GPU's kernels: their source (folder cu), the compiled image, and a launcher for each. Launchers neither allocate on the device nor
// wait; what a kernel reads, writes and expects of sizes stands at the head of its source.
package kernel

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"

	"sensevoice/internal/cuda/driver"
)

//go:generate ./compile.sh

// image is the kernels as PTX, which the driver compiles for the GPU that there is.
//
//go:embed kernels.ptx
var image []byte

// Names are the kernels of the image.
var Names = []string{
	"layer_norm", "front", "gemm_bias", "gemm_relu", "gemm_add", "gemm_argmax", "merge_argmax", "attention", "fsmn_add", "fsmn_set",
}

// Set is the loaded kernels. It belongs to the thread of its context.
type Set struct {
	driver    *driver.Library
	stream    driver.Stream
	module    driver.Module
	functions map[string]driver.Function
	buffer    []byte // of parameters, reused

	// Blocking waits after each launch, so that a fault is told where it happens: CUDA_LAUNCH_BLOCKING=1.
	Blocking bool
}

// Load loads all kernels, their code included, so that none is loaded, and takes device memory, at its first launch.
func Load(d *driver.Library, s driver.Stream) (*Set, error) {
	const registers = 4 // asking for an attribute loads the function
	module, err := d.Load(image)
	if err != nil {
		return nil, err
	}
	k := &Set{driver: d, stream: s, module: module, functions: map[string]driver.Function{}}
	for _, name := range Names {
		f, err := d.Function(module, name)
		if err != nil {
			return nil, err
		}
		if _, err := d.FunctionAttribute(f, registers); err != nil {
			return nil, fmt.Errorf("kernel %s: %w", name, err)
		}
		k.functions[name] = f
	}
	return k, nil
}

// Close unloads the kernels.
func (k *Set) Close() error { return k.driver.Unload(k.module) }

// The sizes of blocks and tiles that the source has.
const (
	rowsPerBlock  = 8   // of the kernels with a warp a row
	tileRows      = 128 // of a product
	tileColumns   = 128
	productShared = 3 * 2 * 128 * 32 * 2 // bytes
	headShared    = 3 * 64 * 128 * 2     // bytes
	QueryTile     = 64                   // rows of queries in a tile of attention
	MemoryTile    = 32                   // rows in a tile of the FSMN memory
	partialBytes  = 16                   // of arg-max, a row and tile
)

// parameter is a kernel's, in C's layout.
type parameter interface {
	driver.Address | int32 | float32
}

func add[T parameter](b []byte, v T) []byte {
	switch v := any(v).(type) {
	case driver.Address:
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
		return binary.LittleEndian.AppendUint64(b, uint64(v))
	case int32:
		return binary.LittleEndian.AppendUint32(b, uint32(v)) //nolint:gosec // bits
	case float32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	panic("unreachable")
}

func (k *Set) launch(name string, g driver.Grid) error {
	if err := k.driver.Launch(k.functions[name], g, k.stream, k.buffer); err != nil {
		return fmt.Errorf("kernel %s: %w", name, err)
	}
	if k.Blocking {
		if err := k.driver.Wait(k.stream); err != nil {
			return fmt.Errorf("kernel %s: %w", name, err)
		}
	}
	return nil
}

func rowGrid(rows int) driver.Grid {
	return driver.Grid{Blocks: [3]uint32{uint32((rows + rowsPerBlock - 1) / rowsPerBlock), 1, 1}, Threads: 32 * rowsPerBlock} //nolint:gosec // rows fit
}

// LayerNorm normalises rows of 512 (fp32) to fp16 rows that are stride apart.
func (k *Set) LayerNorm(y, x driver.Address, rows, stride int, epsilon float32) error {
	b := add(add(k.buffer[:0], y), x)
	k.buffer = add(add(add(b, int32(rows)), int32(stride)), epsilon) //nolint:gosec // rows fit
	return k.launch("layer_norm", rowGrid(rows))
}

// Front is what enters the network: Mel, log-mel frames of 80 fp32; Shift and Scale, which normalise rows of 560; Embeddings, rows of 560 of which
// Queries names four for each sequence; Positions, rows of 560. Sequences are four int32 each: the first of its rows and their number, the first of its
// frames and their number. SequenceOf has the sequence of each row.
type Front struct {
	Mel, Shift, Scale, Embeddings, Queries, Positions, Sequences, SequenceOf driver.Address
}

// FrontWidth is the distance between the rows that Front writes: 560 and padding.
const FrontWidth = 576

// Front writes normalised fp16 rows, FrontWidth apart.
func (k *Set) Front(y driver.Address, f Front, rows int, epsilon float32) error {
	b := add(k.buffer[:0], y)
	for _, a := range []driver.Address{f.Mel, f.Shift, f.Scale, f.Embeddings, f.Queries, f.Positions, f.Sequences, f.SequenceOf} {
		b = add(b, a)
	}
	k.buffer = add(add(b, int32(rows)), epsilon) //nolint:gosec // rows fit
	return k.launch("front", rowGrid(rows))
}

// Product is the operands of a product: A, M rows of K halves that are StrideA apart, times the transpose of W, N rows of K; K a multiple of 32, N of
// 128. Bias has N fp32.
type Product struct {
	Out, A, W, Bias             driver.Address
	M, N, K, StrideA, StrideOut int
}

// Gemm runs one of gemm_bias, gemm_relu (out in fp16), gemm_add (out += in fp32) and gemm_argmax (partials, see ArgMaxBytes).
func (k *Set) Gemm(name string, p Product) error {
	b := add(add(add(add(k.buffer[:0], p.Out), p.A), p.W), p.Bias)
	for _, n := range []int{p.M, p.N, p.K, p.StrideA, p.StrideOut} {
		b = add(b, int32(n)) //nolint:gosec // sizes fit
	}
	k.buffer = b
	grid := [3]uint32{uint32(p.N / tileColumns), uint32((p.M + tileRows - 1) / tileRows), 1} //nolint:gosec // sizes fit
	return k.launch(name, driver.Grid{Blocks: grid, Threads: 256, Shared: productShared})
}

// ArgMaxBytes returns what gemm_argmax writes for so many rows and columns.
func ArgMaxBytes(rows, columns int) int { return rows * columns / tileColumns * partialBytes }

// MergeArgMax makes of partials each row's id (int32) and log-probability (fp32).
func (k *Set) MergeArgMax(ids, logProbs, partials driver.Address, rows, columns int) error {
	b := add(add(add(k.buffer[:0], ids), logProbs), partials)
	k.buffer = add(add(b, int32(rows)), int32(columns/tileColumns)) //nolint:gosec // rows fit
	return k.launch("merge_argmax", rowGrid(rows))
}

// Attention attends over QKV (rows of 1536 halves) into O, whose rows are stride apart, for tiles of QueryTile rows (four int32 each: the sequence's
// first row, its length, the tile's first row in it, and its number).
func (k *Set) Attention(o, qkv, tiles driver.Address, count, stride int) error {
	b := add(add(add(k.buffer[:0], o), qkv), tiles)
	k.buffer = add(add(b, float32(math.Log2E/math.Sqrt(128))), int32(stride))                                           //nolint:gosec // small
	return k.launch("attention", driver.Grid{Blocks: [3]uint32{uint32(count), 4, 1}, Threads: 128, Shared: headShared}) //nolint:gosec // small
}

// Memory runs fsmn_add or fsmn_set over tiles of MemoryTile rows: x in fp32, values in fp16 stride apart, 11 taps of 512 weights in fp32.
func (k *Set) Memory(name string, x, values, weights, tiles driver.Address, count, stride int) error {
	b := add(add(add(add(k.buffer[:0], x), values), weights), tiles)
	k.buffer = add(b, int32(stride))                                                         //nolint:gosec // small
	return k.launch(name, driver.Grid{Blocks: [3]uint32{uint32(count), 1, 1}, Threads: 256}) //nolint:gosec // small
}
