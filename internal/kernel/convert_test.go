package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// halfByDefinition widens a half by its definition.
func halfByDefinition(h uint16) float64 {
	exponent, mantissa := int(h>>10)&31, float64(h&1023)
	value := 0.0
	switch {
	case exponent == 31 && mantissa != 0:
		return math.NaN()
	case exponent == 31:
		value = math.Inf(1)
	case exponent == 0:
		value = math.Ldexp(mantissa, -24)
	default:
		value = math.Ldexp(1024+mantissa, exponent-25)
	}
	return math.Copysign(value, 1-2*float64(h>>15))
}

func TestFloat16AllHalves(t *testing.T) {
	src := make([]byte, 2*65536)
	for h := range 65536 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	each(t, func(t *testing.T, s *Set) {
		out := newOutput(65536)
		s.Float16(out.data, src)
		out.check(t)
		for h, got := range out.data {
			want := float32(halfByDefinition(uint16(h)))
			if isNaN(got) != isNaN(want) || !isNaN(want) && math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("half %#04x: %v, want %v", h, got, want)
			}
		}
	})
}

func TestFloat16Lengths(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for length := range 40 {
			for offset := range 2 { // bytes: a file aligns nothing
				src := make([]byte, offset+2*length)
				for i := range src {
					src[i] = byte(r.IntN(0x7C)) // no NaN
				}
				out := newOutput(length)
				s.Float16(out.data, src[offset:])
				out.check(t)
				for i, got := range out.data {
					if want := float32(halfByDefinition(binary.LittleEndian.Uint16(src[offset+2*i:]))); got != want {
						t.Fatalf("%d of %d: %v, want %v", i, length, got, want)
					}
				}
			}
		}
		mustPanic(t, "short source", func() { s.Float16(make([]float32, 8), make([]byte, 15)) })
	})
}

func TestQ8(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, blocks := range []int{0, 1, 2, 3, 16, 17, 64} {
			for _, scale := range []uint16{0, 0x0001, 0x03FF, 0x1C5A, 0x3C00, 0xB800, 0x7BFF} {
				src := make([]byte, blocks*Q8Bytes)
				for i := range src {
					src[i] = byte(r.UintN(256))
				}
				for b := range blocks {
					binary.LittleEndian.PutUint16(src[b*Q8Bytes:], scale)
				}
				out := newOutput(blocks * Q8Block)
				s.Q8(out.data, src)
				out.check(t)
				for i, got := range out.data {
					quant := int8(src[i/Q8Block*Q8Bytes+2+i%Q8Block])
					if want := float32(halfByDefinition(scale)) * float32(quant); got != want {
						t.Fatalf("%d blocks, scale %#04x, value %d: %v, want %v", blocks, scale, i, got, want)
					}
				}
			}
		}
		mustPanic(t, "short source", func() { s.Q8(make([]float32, Q8Block), make([]byte, Q8Bytes-1)) })
	})
}

// Every signed byte, and scales that are not finite.
func TestQ8AllBytes(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		for _, test := range []struct {
			scale  uint16
			finite bool
		}{{0x3C00, true}, {0x7C00, false}, {0x7E00, false}} {
			src := make([]byte, 8*Q8Bytes)
			for i := range 256 {
				block := src[i/Q8Block*Q8Bytes:]
				binary.LittleEndian.PutUint16(block, test.scale)
				block[2+i%Q8Block] = byte(i)
			}
			out := newOutput(256)
			s.Q8(out.data, src)
			for i, got := range out.data {
				finite := !isNaN(got) && !math.IsInf(float64(got), 0)
				if finite != test.finite || test.finite && got != float32(int8(i)) {
					t.Errorf("scale %#04x, byte %d: %v", test.scale, i, got)
				}
			}
		}
	})
}
