// Command argmax writes the reduction of a block of logits: for each of 16 lanes the largest, its
// index (the first of equals) and the sum of exponentials relative to it.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const greaterThan = 0x1E // GT_OQ

func main() {
	ConstraintExpr("!purego")
	for _, isa := range vecmath.ISAs {
		exp := vecmath.NewExp(isa)
		TEXT("argMax"+isa.Name, NOSPLIT, "func(logits *float32, rows int, max *float32, index *int32, sums *float32)")
		Pragma("noescape")
		for vector := range isa.Vectors() {
			reduce(isa, exp, vector)
		}
		VZEROUPPER()
		RET()
	}
	Generate()
}

func reduce(isa vecmath.ISA, exp *vecmath.Exp, vector int) {
	offset := isa.Bytes * vector
	label := func(name string) string { return fmt.Sprint(name, vector) }
	start := func() (p, n reg.Register) {
		p, n = Load(Param("logits"), GP64()), Load(Param("rows"), GP64())
		ADDQ(operand.U32(uint32(offset)), p)
		return p, n
	}
	p, n := start()
	max, index, at, one := isa.Register(), isa.Zero(), isa.Zero(), isa.Register()
	vecmath.Fill(max, math.Float32bits(float32(math.Inf(-1))))
	vecmath.Fill(one, 1)
	Label(label("largest"))
	v := isa.Register()
	VMOVUPS(operand.Mem{Base: p}, v)
	keepGreater(isa, v, at, max, index)
	VPADDD(one, at, at)
	ADDQ(operand.U32(vecmath.LanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef(label("largest")))

	p, n = start()
	sum := isa.Zero()
	Label(label("sum"))
	e := isa.Register()
	VMOVUPS(operand.Mem{Base: p}, e)
	VSUBPS(max, e, e)
	exp.Emit(e)
	VADDPS(e, sum, sum)
	ADDQ(operand.U32(vecmath.LanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef(label("sum")))

	for _, out := range []struct {
		param string
		value reg.VecVirtual
	}{{"max", max}, {"index", index}, {"sums", sum}} {
		VMOVUPS(out.value, operand.Mem{Base: Load(Param(out.param), GP64()), Disp: offset})
	}
}

// keepGreater replaces max and index where v is greater: not where it is NaN, which the sum will carry.
func keepGreater(isa vecmath.ISA, v, at, max, index reg.VecVirtual) {
	if isa == vecmath.AVX512 {
		greater := K()
		VCMPPS(operand.U8(greaterThan), max, v, greater)
		VMOVAPS(v, greater, max)
		VMOVDQA32(at, greater, index)
		return
	}
	greater := isa.Register()
	VCMPPS(operand.U8(greaterThan), max, v, greater)
	VBLENDVPS(greater, v, max, max)
	VBLENDVPS(greater, at, index, index)
}
