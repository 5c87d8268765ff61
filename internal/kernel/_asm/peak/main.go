// Command peak writes the loops that measure how many FMAs a core can do: twelve independent sums and
// nothing else.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const sums = 12

func main() {
	ConstraintExpr("!purego")
	for _, isa := range vecmath.ISAs {
		peak(isa)
	}
	Generate()
}

func peak(isa vecmath.ISA) {
	TEXT("fmaPeak"+isa.Name, NOSPLIT, "func(rounds int)")
	rounds := Load(Param("rounds"), GP64())
	factor := isa.Zero()
	var acc [sums]reg.VecVirtual
	for i := range acc {
		acc[i] = isa.Zero()
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
