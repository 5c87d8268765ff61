// Package vecmath emits vector arithmetic that several kernels share.
package vecmath

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Exp holds the constants of e^x in memory; make one for each instruction set in a file, before any kernel.
type Exp struct {
	isa                                    ISA
	low, log2e, ln2High, ln2Low, one, bias operand.Mem
	poly                                   []operand.Mem
}

// NewExp declares the constants. The method is Cephes' expf: x = n ln 2 + r with |r| <= ln 2 / 2, a
// degree 5 polynomial for e^r - 1 - r, and n put into the exponent; relative error below 2e-7.
func NewExp(isa ISA) *Exp {
	word := func(name string, value uint32) operand.Mem {
		mem := GLOBL(name+isa.Name, 8|16) // RODATA|NOPTR
		for i := range isa.Bytes / 4 {
			DATA(4*i, operand.U32(value))
		}
		return mem
	}
	constant := func(name string, value float32) operand.Mem { return word(name, math.Float32bits(value)) }
	return &Exp{
		isa:     isa,
		low:     constant("exp_low", -87),
		log2e:   constant("exp_log2e", math.Log2E),
		ln2High: constant("exp_ln2_high", 0.693359375),
		ln2Low:  constant("exp_ln2_low", -2.12194440e-4),
		one:     constant("exp_one", 1),
		bias:    word("exp_bias", 127),
		poly: []operand.Mem{
			constant("exp_p0", 1.9875691500e-4), constant("exp_p1", 1.3981999507e-3), constant("exp_p2", 8.3334519073e-3),
			constant("exp_p3", 4.1665795894e-2), constant("exp_p4", 1.6666665459e-1), constant("exp_p5", 5.0000001201e-1),
		},
	}
}

// Emit replaces x, at most 0 or NaN, by e^x. Below -87 it answers e^-87, about 1.6e-38.
func (e *Exp) Emit(x reg.VecVirtual) {
	n, r2, y := e.isa.Register(), e.isa.Register(), e.isa.Register()
	low := e.isa.Register() // VMAXPS takes memory only as its second source, which must be x: it wins when it is NaN
	VMOVUPS(e.low, low)
	VMAXPS(x, low, x)
	VMULPS(e.log2e, x, n)
	e.round(n)
	VBROADCASTSS(e.ln2High, y)
	VFNMADD231PS(y, n, x)
	VBROADCASTSS(e.ln2Low, y)
	VFNMADD231PS(y, n, x)
	VMULPS(x, x, r2)
	VMOVUPS(e.poly[0], y)
	for _, p := range e.poly[1:] {
		VFMADD213PS(p, x, y)
	}
	VFMADD213PS(x, r2, y)
	VADDPS(e.one, y, x)
	VCVTPS2DQ(n, n)
	VPADDD(e.bias, n, n)
	VPSLLD(operand.U8(23), n, n)
	VMULPS(n, x, x)
}

// round rounds to the nearest whole number, ties to even.
func (e *Exp) round(v reg.VecVirtual) {
	if e.isa == AVX512 {
		VRNDSCALEPS(operand.U8(0), v, v)
	} else {
		VROUNDPS(operand.U8(0), v, v)
	}
}
