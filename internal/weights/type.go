package weights

import (
	"fmt"
	"math"
	"math/bits"
)

// Type is how the elements of a tensor are stored. The zero Type is none of them.
type Type uint8

// The types that tensors may have, all little-endian. Q8_0 is ggml's: blocks of 32 elements, each an
// IEEE half-precision scale followed by 32 signed bytes; a row is a whole number of blocks.
const (
	F32 Type = iota + 1
	F16
	BF16
	Q8_0
	U8
	I8
	I32
	I64
)

// blockLength is the number of elements in a block of Q8_0, blockBytes what a block takes.
const (
	blockLength = 32
	blockBytes  = 2 + blockLength
)

// types gives, for each Type, its name (as safetensors and ggml write it) and the bytes that a block
// of so many elements takes.
var types = [...]struct {
	name     string
	elements int
	bytes    int
}{
	F32:  {"F32", 1, 4},
	F16:  {"F16", 1, 2},
	BF16: {"BF16", 1, 2},
	Q8_0: {"Q8_0", blockLength, blockBytes},
	U8:   {"U8", 1, 1},
	I8:   {"I8", 1, 1},
	I32:  {"I32", 1, 4},
	I64:  {"I64", 1, 8},
}

func (t Type) valid() bool { return t > 0 && int(t) < len(types) }

// String returns the name that safetensors and ggml use, such as "F16" or "Q8_0".
func (t Type) String() string {
	if !t.valid() {
		return fmt.Sprintf("Type(%d)", uint8(t))
	}
	return types[t].name
}

// Bytes returns the bytes that so many elements take when stored; a last block that is not full counts
// whole. It is 0 for a type that does not exist.
func (t Type) Bytes(elements int) int {
	if !t.valid() {
		return 0
	}
	block := types[t]
	return (elements + block.elements - 1) / block.elements * block.bytes
}

// maxDimensions bounds shapes; networks use at most 4.
const maxDimensions = 8

// byteSize returns the bytes that a tensor takes, or an error if no tensor can have this type and
// shape. The shape may come from a file.
func byteSize(t Type, shape []int) (int, error) {
	if !t.valid() {
		return 0, fmt.Errorf("there is no %v", t)
	}
	if len(shape) > maxDimensions {
		return 0, fmt.Errorf("%d dimensions, at most %d are supported", len(shape), maxDimensions)
	}
	elements := uint64(1)
	for _, size := range shape {
		if size < 0 {
			return 0, fmt.Errorf("negative size in shape %v", shape)
		}
		high, low := bits.Mul64(elements, uint64(size))
		if high != 0 || low > math.MaxInt {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		elements = low
	}
	block := types[t]
	if block.elements > 1 && (len(shape) == 0 || shape[len(shape)-1]%block.elements != 0) {
		return 0, fmt.Errorf("shape %v: the last size of %v must be a multiple of %d", shape, t, block.elements)
	}
	high, size := bits.Mul64(elements/uint64(block.elements), uint64(block.bytes))
	if high != 0 || size > math.MaxInt {
		return 0, fmt.Errorf("shape %v overflows", shape)
	}
	return int(size), nil
}

// toShape converts sizes from a file.
func toShape(sizes []uint64) ([]int, error) {
	shape := make([]int, len(sizes))
	for i, size := range sizes {
		if size > math.MaxInt {
			return nil, fmt.Errorf("shape %v overflows", sizes)
		}
		shape[i] = int(size)
	}
	return shape, nil
}
