// Command convert writes the AVX2 (F16C) conversions of stored weights to float32.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	halves()
	blocks()
	Generate()
}

func halves() {
	TEXT("float16AVX2", NOSPLIT, "func(dst *float32, src *byte, count int)")
	Doc("float16AVX2 converts count halves, a multiple of 8.")
	Pragma("noescape")
	dst, src, count := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("count"), GP64())
	Label("eight")
	v := YMM()
	VCVTPH2PS(operand.Mem{Base: src}, v)
	VMOVUPS(v, operand.Mem{Base: dst})
	ADDQ(operand.U32(16), src)
	ADDQ(operand.U32(32), dst)
	SUBQ(operand.U32(8), count)
	JNZ(operand.LabelRef("eight"))
	VZEROUPPER()
	RET()
}

// blocks: a Q8_0 block is a half, the scale, and 32 signed bytes.
func blocks() {
	TEXT("q8AVX2", NOSPLIT, "func(dst *float32, src *byte, blocks int)")
	Pragma("noescape")
	dst, src, count := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("blocks"), GP64())
	Label("block")
	bits, scale := GP32(), YMM()
	MOVWLZX(operand.Mem{Base: src}, bits)
	x := XMM()
	VMOVD(bits, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, scale)
	for i := range 4 {
		v := YMM()
		VPMOVSXBD(operand.Mem{Base: src, Disp: 2 + 8*i}, v)
		VCVTDQ2PS(v, v)
		VMULPS(scale, v, v)
		VMOVUPS(v, operand.Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(operand.U32(34), src)
	ADDQ(operand.U32(128), dst)
	DECQ(count)
	JNZ(operand.LabelRef("block"))
	VZEROUPPER()
	RET()
}
