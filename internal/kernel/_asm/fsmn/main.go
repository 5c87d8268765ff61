// Command fsmn writes the depthwise convolution over time that SenseVoice calls its memory, and the
// scaled copy of some lanes: the two kernels that write part of a panel, since a segment may begin and end
// inside one.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"

	"sensevoice/internal/kernel/_asm/vecmath"
)

func main() {
	ConstraintExpr("!purego")
	for _, isa := range vecmath.ISAs {
		memory(isa)
		divide(isa)
	}
	Generate()
}

func memory(isa vecmath.ISA) {
	name := "fsmn" + isa.Name
	TEXT(name, NOSPLIT, "func(dst, series, weights *float32, pitch, taps, left, channels, add int, mask *int32)")
	Doc(name + ": series points left values before the first lane's own; pitch is bytes between channels.")
	Pragma("noescape")
	dst, series, weights := Load(Param("dst"), GP64()), Load(Param("series"), GP64()), Load(Param("weights"), GP64())
	pitch, taps, left := Load(Param("pitch"), GP64()), Load(Param("taps"), GP64()), Load(Param("left"), GP64())
	channels, add := Load(Param("channels"), GP64()), Load(Param("add"), GP64())
	mask := isa.LoadMask("mask")

	Label("channel")
	sums := isa.Registers()
	for i, s := range sums {
		VMOVUPS(operand.Mem{Base: series, Index: left, Scale: 4, Disp: isa.Bytes * i}, s)
	}
	p, n := GP64(), GP64()
	MOVQ(series, p)
	MOVQ(taps, n)
	Label("tap")
	w := isa.Register()
	VBROADCASTSS(operand.Mem{Base: weights}, w)
	for i, s := range sums {
		VFMADD231PS(operand.Mem{Base: p, Disp: isa.Bytes * i}, w, s)
	}
	ADDQ(operand.U32(4), p)
	ADDQ(operand.U32(4), weights)
	DECQ(n)
	JNZ(operand.LabelRef("tap"))
	TESTQ(add, add)
	JZ(operand.LabelRef("store"))
	for i, s := range sums {
		VADDPS(operand.Mem{Base: dst, Disp: isa.Bytes * i}, s, s)
	}
	Label("store")
	for i, s := range sums {
		mask.Store(s, i, operand.Mem{Base: dst, Disp: isa.Bytes * i})
	}
	ADDQ(operand.U32(vecmath.LanePitch), dst)
	ADDQ(pitch, series)
	DECQ(channels)
	JNZ(operand.LabelRef("channel"))
	VZEROUPPER()
	RET()
}

func divide(isa vecmath.ISA) {
	TEXT("divideLanes"+isa.Name, NOSPLIT, "func(dst, src, divisors *float32, channels int, mask *int32)")
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	divisors, channels := Load(Param("divisors"), GP64()), Load(Param("channels"), GP64())
	mask := isa.LoadMask("mask")
	factor, one := isa.Registers(), isa.One()
	for i, f := range factor {
		VDIVPS(operand.Mem{Base: divisors, Disp: isa.Bytes * i}, one, f)
	}
	Label("row")
	for i, f := range factor {
		v := isa.Register()
		VMULPS(operand.Mem{Base: src, Disp: isa.Bytes * i}, f, v)
		mask.Store(v, i, operand.Mem{Base: dst, Disp: isa.Bytes * i})
	}
	ADDQ(operand.U32(vecmath.LanePitch), src)
	ADDQ(operand.U32(vecmath.LanePitch), dst)
	DECQ(channels)
	JNZ(operand.LabelRef("row"))
	VZEROUPPER()
	RET()
}
