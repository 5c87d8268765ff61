package pcm

// codebook gives each byte its sample.
type codebook [256]float32

func (c *codebook) decode(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = c[src[i]]
	}
}

// The codes of ITU-T G.711: a sign, three bits that say how often to double, four of mantissa.
func newCodebook(expand func(code int) int) *codebook {
	c := new(codebook)
	for code := range c {
		c[code] = float32(expand(code)) / (1 << 15)
	}
	return c
}

// expandALaw returns 13 bits in the upper part of 16. On the wire every other bit is inverted, and
// the lowest two segments are equally steep.
func expandALaw(code int) int {
	code ^= 0x55
	value := code&0x0f<<4 + 8
	if segment := code >> 4 & 7; segment > 0 {
		value = (value + 0x100) << (segment - 1)
	}
	if code&0x80 == 0 {
		return -value
	}
	return value
}

// expandMuLaw returns 14 bits in the upper part of 16. On the wire all bits are inverted.
func expandMuLaw(code int) int {
	const bias = 0x84
	code = ^code
	value := (code&0x0f<<3+bias)<<(code>>4&7) - bias
	if code&0x80 != 0 {
		return -value
	}
	return value
}
