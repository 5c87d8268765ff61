// Command peak writes the loops that measure how many FMAs a core can do: twelve independent sums and
// nothing else.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const sums = 12

func main() {
	ConstraintExpr("!purego")
	peak("fmaPeakAVX2", YMM)
	peak("fmaPeakAVX512", ZMM)
	Generate()
}

func peak(name string, register func() reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(rounds int)")
	rounds := Load(Param("rounds"), GP64())
	factor := register()
	zero(factor)
	var acc [sums]reg.VecVirtual
	for i := range acc {
		acc[i] = register()
		zero(acc[i])
	}
	Label("round")
	for _, a := range acc {
		VFMADD231PS(factor, factor, a)
	}
	DECQ(rounds)
	JNZ(operand.LabelRef("round"))
	VZEROUPPER()
	RET()
}

func zero(v reg.VecVirtual) {
	if v.Size() == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}
