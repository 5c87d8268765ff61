// Package pcm reads samples that are written one after the other, each in the same number of bytes: integers, floating
// point and the codes of ITU-T G.711.
package pcm

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Coding is a way to write a sample. Integers become the fraction of the magnitude of their lowest value, so
// that they lie in [-1, 1); floating-point samples are as they are.
type Coding struct {
	Name   string // as ffmpeg and sox say it: "s16le"
	Size   int    // bytes
	Float  bool   // whether bytes can say what is no sound: NaN, infinity
	decode func(dst []float32, src []byte)
}

var codings = []Coding{
	{"u8", 1, false, decodeU8},
	{"s8", 1, false, decodeS8},
	{"s16le", 2, false, decodeS16(binary.LittleEndian)},
	{"s16be", 2, false, decodeS16(binary.BigEndian)},
	{"s24le", 3, false, decodeS24LE},
	{"s24be", 3, false, decodeS24BE},
	{"s32le", 4, false, decodeS32(binary.LittleEndian)},
	{"s32be", 4, false, decodeS32(binary.BigEndian)},
	{"f32le", 4, true, decodeF32(binary.LittleEndian)},
	{"f32be", 4, true, decodeF32(binary.BigEndian)},
	{"f64le", 8, true, decodeF64(binary.LittleEndian)},
	{"f64be", 8, true, decodeF64(binary.BigEndian)},
	{"alaw", 1, false, newCodebook(expandALaw).decode},
	{"mulaw", 1, false, newCodebook(expandMuLaw).decode},
}

// Named returns a coding by its name.
func Named(name string) (Coding, bool) {
	i := slices.IndexFunc(codings, func(c Coding) bool { return c.Name == name })
	if i < 0 {
		return Coding{}, false
	}
	return codings[i], true
}

// Must is Named for names in the program's own text.
func Must(name string) Coding {
	c, ok := Named(name)
	if !ok {
		panic(fmt.Sprintf("pcm: no coding %q", name))
	}
	return c
}

// Names lists all codings.
func Names() []string {
	names := make([]string, len(codings))
	for i, c := range codings {
		names[i] = c.Name
	}
	return names
}

// Decode converts len(dst) samples.
func (c Coding) Decode(dst []float32, src []byte) { c.decode(dst, src) }

func decodeU8(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int(src[i])-1<<7) / (1 << 7)
	}
}

func decodeS8(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int8(src[i])) / (1 << 7)
	}
}

func decodeS16(order binary.ByteOrder) func([]float32, []byte) {
	if order == binary.LittleEndian {
		return decodeS16LE // by far the most common: without a call for each sample
	}
	return func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int16(order.Uint16(src[2*i:]))) / (1 << 15)
		}
	}
}

func decodeS16LE(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(int16(binary.LittleEndian.Uint16(src[2*i:]))) / (1 << 15)
	}
}

func decodeS24LE(dst []float32, src []byte) {
	for i := range dst {
		b := src[3*i:][:3]
		dst[i] = float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
	}
}

func decodeS24BE(dst []float32, src []byte) {
	for i := range dst {
		b := src[3*i:][:3]
		dst[i] = float32(int32(b[2])<<8|int32(b[1])<<16|int32(b[0])<<24) / (1 << 31)
	}
}

func decodeS32(order binary.ByteOrder) func([]float32, []byte) {
	return func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int32(order.Uint32(src[4*i:]))) / (1 << 31)
		}
	}
}

func decodeF32(order binary.ByteOrder) func([]float32, []byte) {
	return func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(src[4*i:]))
		}
	}
}

func decodeF64(order binary.ByteOrder) func([]float32, []byte) {
	return func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(src[8*i:])))
		}
	}
}
