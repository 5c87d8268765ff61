package modelstore

import "math"

// toHalf converts to IEEE 754 half precision, rounding to the nearest and halfway cases to even. It
// reports false for what has no finite half: NaN, the infinities, and magnitudes that round beyond 65504.
func toHalf(x float32) (half uint16, ok bool) {
	const overflow = 65520 // halfway between the largest half and what would come next
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := math.Float32frombits(bits &^ (1 << 31))
	if !(magnitude < overflow) {
		return sign, false
	}
	if magnitude < 0x1p-14 { // subnormal in half: a multiple of 2^-24
		// Adding 0.5 moves the unit of the last place to 2^-24, so that the processor rounds as wanted.
		return sign | uint16(math.Float32bits(magnitude+0.5)-math.Float32bits(0.5)), true
	}
	// Move the exponent from bias 127 to 15, and round away the 13 bits that half does not have. A carry
	// out of the fraction raises the exponent, which is right.
	bits = math.Float32bits(magnitude) - (127-15)<<23
	bits += 0xfff + bits>>13&1
	return sign | uint16(bits>>13), true
}
