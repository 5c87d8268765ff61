// Command dot writes the AVX2 sum of products of two rows.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	vector  = 32 // bytes
	strands = 4  // sums side by side, since a multiply-add takes four cycles and two begin in each
)

func main() {
	ConstraintExpr("!purego")
	TEXT("dotAVX2", NOSPLIT, "func(a, b *float32, vectors int) float32")
	Pragma("noescape")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("vectors"), GP64())
	sums := make([]reg.VecVirtual, strands)
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}
	Label("strands")
	CMPQ(n, operand.U8(strands))
	JL(operand.LabelRef("rest"))
	for i, sum := range sums {
		multiplyAdd(a, b, sum, i*vector)
	}
	ADDQ(operand.U32(strands*vector), a)
	ADDQ(operand.U32(strands*vector), b)
	SUBQ(operand.U8(strands), n)
	JMP(operand.LabelRef("strands"))

	Label("rest")
	TESTQ(n, n)
	JZ(operand.LabelRef("join"))
	multiplyAdd(a, b, sums[0], 0)
	ADDQ(operand.U32(vector), a)
	ADDQ(operand.U32(vector), b)
	DECQ(n)
	JMP(operand.LabelRef("rest"))

	Label("join")
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	x, y := XMM(), XMM()
	VEXTRACTF128(operand.U8(1), sums[0], y)
	VADDPS(y, sums[0].AsX(), x)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	VZEROUPPER()
	Store(x, ReturnIndex(0))
	RET()
	Generate()
}

func multiplyAdd(a, b reg.Register, sum reg.VecVirtual, offset int) {
	v := YMM()
	VMOVUPS(operand.Mem{Base: a, Disp: offset}, v)
	VFMADD231PS(operand.Mem{Base: b, Disp: offset}, v, sum)
}
