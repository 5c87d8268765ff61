// Command fsmn writes the AVX2 depthwise convolution over time that SenseVoice calls its memory, and the
// scaled copy of some lanes: the two kernels that write part of a panel, since a segment may begin and end
// inside one.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const lanePitch = 64

func main() {
	ConstraintExpr("!purego")
	memory()
	scale()
	Generate()
}

func masks() [2]reg.VecVirtual {
	p := Load(Param("mask"), GP64())
	m := [2]reg.VecVirtual{YMM(), YMM()}
	for i := range m {
		VMOVUPS(operand.Mem{Base: p, Disp: 32 * i}, m[i])
	}
	return m
}

func memory() {
	TEXT("fsmnAVX2", NOSPLIT, "func(dst, series, weights *float32, pitch, taps, left, channels, add int, mask *int32)")
	Doc("fsmnAVX2: series points left values before the first lane's own; pitch is bytes between channels.")
	Pragma("noescape")
	dst, series, weights := Load(Param("dst"), GP64()), Load(Param("series"), GP64()), Load(Param("weights"), GP64())
	pitch, taps, left := Load(Param("pitch"), GP64()), Load(Param("taps"), GP64()), Load(Param("left"), GP64())
	channels, add := Load(Param("channels"), GP64()), Load(Param("add"), GP64())
	mask := masks()

	Label("channel")
	sums := [2]reg.VecVirtual{YMM(), YMM()}
	for i, s := range sums {
		VMOVUPS(operand.Mem{Base: series, Index: left, Scale: 4, Disp: 32 * i}, s)
	}
	p, n := GP64(), GP64()
	MOVQ(series, p)
	MOVQ(taps, n)
	Label("tap")
	w := YMM()
	VBROADCASTSS(operand.Mem{Base: weights}, w)
	for i, s := range sums {
		VFMADD231PS(operand.Mem{Base: p, Disp: 32 * i}, w, s)
	}
	ADDQ(operand.U32(4), p)
	ADDQ(operand.U32(4), weights)
	DECQ(n)
	JNZ(operand.LabelRef("tap"))
	TESTQ(add, add)
	JZ(operand.LabelRef("store"))
	for i, s := range sums {
		VADDPS(operand.Mem{Base: dst, Disp: 32 * i}, s, s)
	}
	Label("store")
	for i, s := range sums {
		VMASKMOVPS(s, mask[i], operand.Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(operand.U32(lanePitch), dst)
	ADDQ(pitch, series)
	DECQ(channels)
	JNZ(operand.LabelRef("channel"))
	VZEROUPPER()
	RET()
}

func scale() {
	TEXT("divideLanesAVX2", NOSPLIT, "func(dst, src, divisors *float32, channels int, mask *int32)")
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	divisors, channels := Load(Param("divisors"), GP64()), Load(Param("channels"), GP64())
	mask := masks()
	factor := [2]reg.VecVirtual{YMM(), YMM()}
	one := YMM()
	VPCMPEQD(one, one, one)
	VPSLLD(operand.U8(25), one, one)
	VPSRLD(operand.U8(2), one, one)
	for i, f := range factor {
		VDIVPS(operand.Mem{Base: divisors, Disp: 32 * i}, one, f)
	}
	Label("row")
	for i, f := range factor {
		v := YMM()
		VMULPS(operand.Mem{Base: src, Disp: 32 * i}, f, v)
		VMASKMOVPS(v, mask[i], operand.Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(operand.U32(lanePitch), src)
	ADDQ(operand.U32(lanePitch), dst)
	DECQ(channels)
	JNZ(operand.LabelRef("row"))
	VZEROUPPER()
	RET()
}
