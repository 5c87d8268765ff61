package kernel

import (
	"encoding/binary"
	"math"
)

func float16Generic(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func q8Generic(dst []float32, src []byte) {
	for b := 0; b < len(dst)/Q8Block; b++ {
		block := src[b*Q8Bytes:][:Q8Bytes]
		scale := half(binary.LittleEndian.Uint16(block))
		for i, q := range block[2:] {
			dst[b*Q8Block+i] = scale * float32(int8(q))
		}
	}
}

// half widens an IEEE 754 binary16. Subnormals are exact: their mantissa times 2^-24.
func half(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)*(1.0/(1<<24))))
	case 31:
		return math.Float32frombits(sign | 0xFF<<23 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}
