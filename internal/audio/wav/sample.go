package wav

import (
	"encoding/binary"
	"math"
)

// decoder converts len(dst) samples.
type decoder func(dst []float32, src []byte)

var decoders = map[Encoding]map[int]decoder{ // by bits of a sample
	PCM:   {8: decodeU8, 16: decodeS16, 24: decodeS24, 32: decodeS32},
	Float: {32: decodeF32, 64: decodeF64},
	ALaw:  {8: aLaw.decode},
	MuLaw: {8: muLaw.decode},
}

func decodeU8(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int(src[i])-1<<7) / (1 << 7)
	}
}

func decodeS16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int16(binary.LittleEndian.Uint16(src[2*i:]))) / (1 << 15)
	}
}

func decodeS24(dst []float32, src []byte) {
	for i := range dst {
		b := src[3*i:][:3]
		dst[i] = float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
	}
}

func decodeS32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int32(binary.LittleEndian.Uint32(src[4*i:]))) / (1 << 31)
	}
}

func decodeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func decodeF64(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
	}
}

// codebook gives each byte its sample.
type codebook [256]float32

func (c *codebook) decode(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = c[src[i]]
	}
}

// The codes of ITU-T G.711: a sign, three bits that say how often to double, four of mantissa.
var (
	aLaw  = newCodebook(expandALaw)
	muLaw = newCodebook(expandMuLaw)
)

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
