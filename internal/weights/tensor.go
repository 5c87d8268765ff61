package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tensor is a named array as a model file stores it.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int // outermost first, as in PyTorch, whatever the file's own order

	// Data holds the stored bytes, row-major and little-endian, Type.Bytes(Elements()) of them. They
	// are read-only and may be the file's mapping: gone after File.Close, and a fault when written.
	Data []byte
}

// Elements returns the product of the shape: 1 for a scalar, whose shape is empty.
func (t *Tensor) Elements() int {
	elements := 1
	for _, size := range t.Shape {
		elements *= size
	}
	return elements
}

// Float32s returns the elements without copying them. It can do so only for F32, on a little-endian
// machine, with data that begins at a multiple of 4 bytes; otherwise it returns false, and Decode is
// the way. The slice lives as long as Data and must not be written.
func (t *Tensor) Float32s() ([]float32, bool) {
	if t.Type != F32 || len(t.Data) != F32.Bytes(t.Elements()) {
		return nil, false
	}
	return viewFloat32s(t.Data)
}

// Decode writes the elements to dst as float32. It fails if dst is not exactly Elements() long, if
// Data is not as long as Type and Shape demand, or if Type is an integer type.
func (t *Tensor) Decode(dst []float32) error {
	if err := t.check(); err != nil {
		return err
	}
	if len(dst) != t.Elements() {
		return fmt.Errorf("tensor %q: has %d elements %v, decoded into %d", t.Name, t.Elements(), t.Shape, len(dst))
	}
	switch t.Type {
	case F32:
		decodeF32(dst, t.Data)
	case F16:
		decodeF16(dst, t.Data)
	case BF16:
		decodeBF16(dst, t.Data)
	case Q8_0:
		decodeQ8(dst, t.Data)
	default:
		return fmt.Errorf("tensor %q: %v is not a floating-point type", t.Name, t.Type)
	}
	return nil
}

// check verifies that the tensor is what its fields say.
func (t *Tensor) check() error {
	size, err := byteSize(t.Type, t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", brief(t.Name), err)
	}
	if size != len(t.Data) {
		return fmt.Errorf("tensor %q: %v of shape %v takes %d bytes, not %d",
			brief(t.Name), t.Type, t.Shape, size, len(t.Data))
	}
	return nil
}

func decodeF32(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
}

func decodeF16(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = fromHalf(binary.LittleEndian.Uint16(data[2*i:]))
	}
}

// decodeBF16 relies on bfloat16 being the upper half of a float32.
func decodeBF16(dst []float32, data []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
	}
}

func decodeQ8(dst []float32, data []byte) {
	for len(dst) > 0 {
		scale := fromHalf(binary.LittleEndian.Uint16(data))
		quants := data[2:blockBytes]
		for i, q := range quants {
			dst[i] = scale * float32(int8(q))
		}
		dst, data = dst[blockLength:], data[blockBytes:]
	}
}

// fromHalf converts an IEEE 754 half-precision number, exactly.
//
// Exponent and fraction are moved to their places in a float32, which leaves the exponent short by the
// difference of the two biases, 127-15 = 112. Multiplying by 2^112 corrects it, and turns subnormal
// halves into normal floats on the way. Infinities and NaNs keep their fraction under a full exponent.
func fromHalf(h uint16) float32 {
	const infinity = 0x7c00 // the smallest magnitude whose exponent is all ones
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h & 0x7fff)
	if magnitude >= infinity {
		return math.Float32frombits(sign | 0x7f800000 | magnitude<<13)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude<<13)*0x1p112))
}
