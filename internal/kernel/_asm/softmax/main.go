// Command softmax writes the AVX2 softmax over the rows of a 16-lane panel: each lane is one query,
// each row one key, so that maximum, exponential and sum need no work across lanes.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const lanePitch = 64

func main() {
	ConstraintExpr("!purego")
	exp := vecmath.NewExp()
	TEXT("softmaxAVX2", NOSPLIT, "func(scores *float32, rows int, scale float32, sums *float32)")
	Pragma("noescape")
	scores, rows := Load(Param("scores"), GP64()), Load(Param("rows"), GP64())
	scale := YMM()
	s, _ := Param("scale").Resolve()
	VBROADCASTSS(s.Addr, scale)
	max := maximum(scores, rows)
	sums := exponentials(exp, scores, rows, scale, max)
	out := Load(Param("sums"), GP64())
	for i, sum := range sums {
		VMOVUPS(sum, operand.Mem{Base: out, Disp: 32 * i})
	}
	VZEROUPPER()
	RET()
	Generate()
}

func maximum(scores, rows reg.Register) [2]reg.VecVirtual {
	p, n := GP64(), GP64()
	MOVQ(scores, p)
	MOVQ(rows, n)
	low := GP32()
	MOVL(operand.U32(math.Float32bits(float32(math.Inf(-1)))), low)
	x := XMM()
	VMOVD(low, x)
	max := [2]reg.VecVirtual{YMM(), YMM()}
	for _, m := range max {
		VBROADCASTSS(x, m)
	}
	Label("maximum")
	for i, m := range max {
		VMAXPS(operand.Mem{Base: p, Disp: 32 * i}, m, m)
	}
	ADDQ(operand.U32(lanePitch), p)
	DECQ(n)
	JNZ(operand.LabelRef("maximum"))
	return max
}

func exponentials(exp *vecmath.Exp, scores, rows reg.Register, scale reg.VecVirtual, max [2]reg.VecVirtual) [2]reg.VecVirtual {
	sums := [2]reg.VecVirtual{YMM(), YMM()}
	for _, s := range sums {
		VXORPS(s, s, s)
	}
	Label("exponential")
	for i, m := range max {
		v := YMM()
		VMOVUPS(operand.Mem{Base: scores, Disp: 32 * i}, v)
		VSUBPS(m, v, v)
		VMULPS(scale, v, v)
		exp.Emit(v)
		VADDPS(v, sums[i], sums[i])
		VMOVUPS(v, operand.Mem{Base: scores, Disp: 32 * i})
	}
	ADDQ(operand.U32(lanePitch), scores)
	DECQ(rows)
	JNZ(operand.LabelRef("exponential"))
	return sums
}
