// Command norm writes the layer normalisation of a 16-lane panel. Each lane is one row, so means
// and variances are sums down the channels. Four channels at a time hide the latency of additions.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const chains = 4

func main() {
	ConstraintExpr("!purego")
	for _, isa := range vecmath.ISAs {
		layerNorm(isa)
	}
	Generate()
}

func layerNorm(isa vecmath.ISA) {
	name := "layerNorm" + isa.Name
	TEXT(name, NOSPLIT, "func(dst, src, gamma, beta *float32, channels int, reciprocal, epsilon float32)")
	Doc(name + " needs channels to be a multiple of 4; reciprocal is 1/channels.")
	Pragma("noescape")
	src, channels := Load(Param("src"), GP64()), Load(Param("channels"), GP64())
	reciprocal := isa.Broadcast("reciprocal")
	var mean, scale []reg.VecVirtual
	for v := range isa.Vectors() {
		mean = append(mean, total(isa, "mean", v, src, channels, nil))
		VMULPS(reciprocal, mean[v], mean[v])
	}
	epsilon, one := isa.Broadcast("epsilon"), isa.One()
	for v := range isa.Vectors() {
		scale = append(scale, total(isa, "variance", v, src, channels, mean[v]))
		VFMADD213PS(epsilon, reciprocal, scale[v])
		VSQRTPS(scale[v], scale[v])
		VDIVPS(scale[v], one, scale[v])
	}
	normalise(isa, src, channels, mean, scale)
	VZEROUPPER()
	RET()
}

// total sums the lanes of one vector down the channels: the values, or with a mean the squared distances from it.
func total(isa vecmath.ISA, name string, vector int, src, channels reg.Register, mean reg.VecVirtual) reg.VecVirtual {
	label := fmt.Sprint(name, vector)
	p, n := GP64(), GP64()
	MOVQ(src, p)
	MOVQ(channels, n)
	var sums [chains]reg.VecVirtual
	for i := range sums {
		sums[i] = isa.Zero()
	}
	Label(label)
	for i, sum := range sums {
		at := operand.Mem{Base: p, Disp: vecmath.LanePitch*i + isa.Bytes*vector}
		if mean == nil {
			VADDPS(at, sum, sum)
			continue
		}
		d := isa.Register()
		VMOVUPS(at, d)
		VSUBPS(mean, d, d)
		VFMADD231PS(d, d, sum)
	}
	ADDQ(operand.U32(vecmath.LanePitch*chains), p)
	SUBQ(operand.U32(chains), n)
	JNZ(operand.LabelRef(label))
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	return sums[0]
}

func normalise(isa vecmath.ISA, src, n reg.Register, mean, scale []reg.VecVirtual) {
	dst, gamma, beta := Load(Param("dst"), GP64()), Load(Param("gamma"), GP64()), Load(Param("beta"), GP64())
	Label("normalise")
	g, b := isa.Register(), isa.Register()
	VBROADCASTSS(operand.Mem{Base: gamma}, g)
	VBROADCASTSS(operand.Mem{Base: beta}, b)
	for i := range mean {
		v := isa.Register()
		VMOVUPS(operand.Mem{Base: src, Disp: isa.Bytes * i}, v)
		VSUBPS(mean[i], v, v)
		VMULPS(scale[i], v, v)
		VFMADD213PS(b, g, v)
		VMOVUPS(v, operand.Mem{Base: dst, Disp: isa.Bytes * i})
	}
	ADDQ(operand.U32(vecmath.LanePitch), src)
	ADDQ(operand.U32(vecmath.LanePitch), dst)
	ADDQ(operand.U32(4), gamma)
	ADDQ(operand.U32(4), beta)
	DECQ(n)
	JNZ(operand.LabelRef("normalise"))
}
