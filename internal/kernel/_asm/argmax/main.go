// Command argmax writes the AVX2 reduction of a block of logits: for each of 16 lanes the largest, its
// index (the first of equals) and the sum of exponentials relative to it.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const (
	lanePitch   = 64
	greaterThan = 0x1E // GT_OQ
)

func main() {
	ConstraintExpr("!purego")
	exp := vecmath.NewExp()
	TEXT("argMaxAVX2", NOSPLIT, "func(logits *float32, rows int, max *float32, index *int32, sums *float32)")
	Pragma("noescape")
	for half := range 2 {
		reduce(exp, half, 32*half)
	}
	VZEROUPPER()
	RET()
	Generate()
}

func reduce(exp *vecmath.Exp, half, offset int) {
	label := func(name string) string { return name + string(rune('0'+half)) }
	p, n := Load(Param("logits"), GP64()), Load(Param("rows"), GP64())
	ADDQ(operand.U32(uint32(offset)), p)
	max, index, at, one := YMM(), YMM(), YMM(), YMM()
	low := GP32()
	MOVL(operand.U32(math.Float32bits(float32(math.Inf(-1)))), low)
	x := XMM()
	VMOVD(low, x)
	VBROADCASTSS(x, max)
	VPXOR(index, index, index)
	VPXOR(at, at, at)
	VPCMPEQD(one, one, one)
	VPSRLD(operand.U8(31), one, one)
	Label(label("largest"))
	v, greater := YMM(), YMM()
	VMOVUPS(operand.Mem{Base: p}, v)
	VCMPPS(operand.U8(greaterThan), max, v, greater) // false for NaN, which the sum will carry
	VBLENDVPS(greater, v, max, max)
	VBLENDVPS(greater, at, index, index)
	VPADDD(one, at, at)
	ADDQ(operand.U32(lanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef(label("largest")))

	p, n = Load(Param("logits"), GP64()), Load(Param("rows"), GP64())
	ADDQ(operand.U32(uint32(offset)), p)
	sum := YMM()
	VXORPS(sum, sum, sum)
	Label(label("sum"))
	e := YMM()
	VMOVUPS(operand.Mem{Base: p}, e)
	VSUBPS(max, e, e)
	exp.Emit(e)
	VADDPS(e, sum, sum)
	ADDQ(operand.U32(lanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef(label("sum")))

	for param, value := range ordered(max, index, sum) {
		VMOVUPS(value, operand.Mem{Base: Load(Param(param), GP64()), Disp: offset})
	}
}

func ordered(max, index, sum reg.VecVirtual) func(func(string, reg.VecVirtual) bool) {
	return func(yield func(string, reg.VecVirtual) bool) {
		_ = yield("max", max) && yield("index", index) && yield("sums", sum)
	}
}
