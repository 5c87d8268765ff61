// Command softmax writes the softmax over the rows of a 16-lane panel: each lane is one query,
// each row one key, so that maximum, exponential and sum need no work across lanes.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

func main() {
	ConstraintExpr("!purego")
	for _, isa := range vecmath.ISAs {
		softmax(isa, vecmath.NewExp(isa))
	}
	Generate()
}

func softmax(isa vecmath.ISA, exp *vecmath.Exp) {
	TEXT("softmax"+isa.Name, NOSPLIT, "func(scores *float32, rows int, scale float32, sums *float32)")
	Pragma("noescape")
	scores, rows := Load(Param("scores"), GP64()), Load(Param("rows"), GP64())
	scale := isa.Broadcast("scale")
	max := maximum(isa, scores, rows)
	sums := exponentials(isa, exp, scores, rows, scale, max)
	out := Load(Param("sums"), GP64())
	for i, sum := range sums {
		VMOVUPS(sum, operand.Mem{Base: out, Disp: isa.Bytes * i})
	}
	VZEROUPPER()
	RET()
}

func maximum(isa vecmath.ISA, scores, rows reg.Register) []reg.VecVirtual {
	p, n := GP64(), GP64()
	MOVQ(scores, p)
	MOVQ(rows, n)
	max := isa.Registers()
	for _, m := range max {
		vecmath.Fill(m, math.Float32bits(float32(math.Inf(-1))))
	}
	Label("maximum")
	for i, m := range max {
		VMAXPS(operand.Mem{Base: p, Disp: isa.Bytes * i}, m, m)
	}
	ADDQ(operand.U32(vecmath.LanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef("maximum"))
	return max
}

func exponentials(isa vecmath.ISA, exp *vecmath.Exp, scores, rows reg.Register, scale reg.VecVirtual, max []reg.VecVirtual) []reg.VecVirtual {
	sums := isa.Registers()
	for _, s := range sums {
		vecmath.Clear(s)
	}
	Label("exponential")
	for i, m := range max {
		v := isa.Register()
		VMOVUPS(operand.Mem{Base: scores, Disp: isa.Bytes * i}, v)
		VSUBPS(m, v, v)
		VMULPS(scale, v, v)
		exp.Emit(v)
		VADDPS(v, sums[i], sums[i])
		VMOVUPS(v, operand.Mem{Base: scores, Disp: isa.Bytes * i})
	}
	ADDQ(operand.U32(vecmath.LanePitch), scores)
	DECQ(rows)
	JNZ(operand.LabelRef("exponential"))
	return sums
}
