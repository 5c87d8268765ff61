// Command peak writes the loop that measures how many FMAs a core can do: twelve independent sums and
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
	TEXT("fmaPeakAVX2", NOSPLIT, "func(rounds int)")
	rounds := Load(Param("rounds"), GP64())
	factor := YMM()
	VXORPS(factor, factor, factor)
	var acc [sums]reg.VecVirtual
	for i := range acc {
		acc[i] = YMM()
		VXORPS(acc[i], acc[i], acc[i])
	}
	Label("round")
	for _, a := range acc {
		VFMADD231PS(factor, factor, a)
	}
	DECQ(rounds)
	JNZ(operand.LabelRef("round"))
	VZEROUPPER()
	RET()
	Generate()
}
