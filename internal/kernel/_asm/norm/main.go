// Command norm writes the AVX2 layer normalisation of a 16-lane panel. Each lane is one row, so means
// and variances are sums down the channels. Four channels at a time hide the latency of additions.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanePitch = 64
	chains    = 4
)

func main() {
	ConstraintExpr("!purego")
	TEXT("layerNormAVX2", NOSPLIT, "func(dst, src, gamma, beta *float32, channels int, reciprocal, epsilon float32)")
	Doc("layerNormAVX2 needs channels to be a multiple of 4; reciprocal is 1/channels.")
	Pragma("noescape")
	src, channels := Load(Param("src"), GP64()), Load(Param("channels"), GP64())
	reciprocal := broadcast("reciprocal")
	var mean, scale [2]reg.VecVirtual
	for half := range 2 {
		mean[half] = total("mean", half, src, channels, nil)
		VMULPS(reciprocal, mean[half], mean[half])
	}
	epsilon := broadcast("epsilon")
	one := YMM()
	ones(one)
	for half := range 2 {
		scale[half] = total("variance", half, src, channels, mean[half])
		VFMADD213PS(epsilon, reciprocal, scale[half])
		VSQRTPS(scale[half], scale[half])
		VDIVPS(scale[half], one, scale[half])
	}
	normalise(src, channels, mean, scale)
	VZEROUPPER()
	RET()
	Generate()
}

func broadcast(param string) reg.VecVirtual {
	v := YMM()
	p, _ := Param(param).Resolve()
	VBROADCASTSS(p.Addr, v)
	return v
}

// ones sets every lane to 1.0, made from all bits set.
func ones(v reg.VecVirtual) {
	VPCMPEQD(v, v, v)
	VPSLLD(operand.U8(25), v, v)
	VPSRLD(operand.U8(2), v, v)
}

// total sums eight lanes down the channels: the values, or with a mean the squared distances from it.
func total(name string, half int, src, channels reg.Register, mean reg.VecVirtual) reg.VecVirtual {
	label := name + string(rune('0'+half))
	p, n := GP64(), GP64()
	MOVQ(src, p)
	MOVQ(channels, n)
	var sums [chains]reg.VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}
	Label(label)
	for i, sum := range sums {
		at := operand.Mem{Base: p, Disp: lanePitch*i + 32*half}
		if mean == nil {
			VADDPS(at, sum, sum)
			continue
		}
		d := YMM()
		VMOVUPS(at, d)
		VSUBPS(mean, d, d)
		VFMADD231PS(d, d, sum)
	}
	ADDQ(operand.U32(lanePitch*chains), p)
	SUBQ(operand.U32(chains), n)
	JNZ(operand.LabelRef(label))
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	return sums[0]
}

func normalise(src, n reg.Register, mean, scale [2]reg.VecVirtual) {
	dst, gamma, beta := Load(Param("dst"), GP64()), Load(Param("gamma"), GP64()), Load(Param("beta"), GP64())
	Label("normalise")
	g, b := YMM(), YMM()
	VBROADCASTSS(operand.Mem{Base: gamma}, g)
	VBROADCASTSS(operand.Mem{Base: beta}, b)
	for half := range 2 {
		v := YMM()
		VMOVUPS(operand.Mem{Base: src, Disp: 32 * half}, v)
		VSUBPS(mean[half], v, v)
		VMULPS(scale[half], v, v)
		VFMADD213PS(b, g, v)
		VMOVUPS(v, operand.Mem{Base: dst, Disp: 32 * half})
	}
	ADDQ(operand.U32(lanePitch), src)
	ADDQ(operand.U32(lanePitch), dst)
	ADDQ(operand.U32(4), gamma)
	ADDQ(operand.U32(4), beta)
	DECQ(n)
	JNZ(operand.LabelRef("normalise"))
}
