// Command gemm writes the AVX2 matrix kernels: tiles of 1 to 6 weight rows by 16 (or 8) lanes.
//
// A tile keeps its sums in registers over the whole inner dimension: for each k it loads one
// vector pair of the panel, broadcasts one number of each weight row and does two FMAs a row. Six rows
// by two vectors are twelve sums, which hides the FMA latency (4 cycles, 2 a cycle) and leaves
// two registers for the panel and two for broadcasts. Each sum is one chain over k in ascending
// order, so a row's result does not depend on the tile, the lane or the neighbours.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	maxRows   = 6
	vector    = 32 // bytes of a YMM register
	lanePitch = 64 // bytes from one channel to the next in a panel: 16 lanes of float32
	unroll    = 4
	cacheLine = 64
)

// Offsets in gemmArgs, see gemm_amd64.go.
const (
	argW, argLDW, argK, argX, argY = 0, 8, 16, 24, 32
	argWStep, argXStep, argYStep   = 40, 48, 56
	argCount, argBias, argFlags    = 64, 72, 80
	argAhead, argAheadEnd          = 88, 96
	flagReLU, flagAdd              = 1, 2
)

func main() {
	ConstraintExpr("!purego")
	for rows := 1; rows <= maxRows; rows++ {
		for _, width := range []int{2, 1} {
			tile{rows: rows, width: width}.emit(fmt.Sprintf("gemm%dx%dAVX2", rows, 8*width))
		}
	}
	for _, rows := range []int{5, 6} { // 16 keys of a panel are 6 + 5 + 5
		tile{rows: rows, width: 2, panelWeights: true}.emit(fmt.Sprintf("gemmPanel%dx16AVX2", rows))
	}
	Generate()
}

// tile is one kernel: rows weight rows by width vectors of 8 lanes. With panelWeights the weights lie
// in a panel themselves (neighbouring rows 4 bytes apart, neighbouring k 64), as keys do in attention.
type tile struct {
	rows, width  int
	panelWeights bool

	w0, w3, ldw, x, k, ahead, stride reg.GPVirtual
	sums                             [][]reg.VecVirtual
}

func (t tile) emit(name string) {
	TEXT(name, NOSPLIT, "func(args *uint8)")
	Pragma("noescape")
	args := Load(Param("args"), GP64())
	field := func(offset int) reg.GPVirtual {
		r := GP64()
		MOVQ(operand.Mem{Base: args, Disp: offset}, r)
		return r
	}
	w, x, y, count := field(argW), field(argX), field(argY), field(argCount)
	t.ldw, t.ahead, t.stride = field(argLDW), field(argAhead), GP64()
	MOVQ(operand.U32(cacheLine), t.stride)
	t.w0, t.w3, t.x, t.k = GP64(), GP64(), GP64(), GP64()

	Label("panel")
	MOVQ(w, t.w0)
	if t.rows > 3 && !t.panelWeights {
		LEAQ(operand.Mem{Base: w, Index: t.ldw, Scale: 2}, t.w3)
		ADDQ(t.ldw, t.w3)
	}
	MOVQ(x, t.x)
	MOVQ(operand.Mem{Base: args, Disp: argK}, t.k)
	t.clear()
	t.loop()
	t.finish(args, y)

	// Past the end of what is wanted next, the same line is fetched again and again, which costs nothing.
	still := GP64()
	XORQ(still, still)
	CMPQ(t.ahead, operand.Mem{Base: args, Disp: argAheadEnd})
	CMOVQCC(still, t.stride)

	ADDQ(operand.Mem{Base: args, Disp: argWStep}, w)
	ADDQ(operand.Mem{Base: args, Disp: argXStep}, x)
	ADDQ(operand.Mem{Base: args, Disp: argYStep}, y)
	DECQ(count)
	JNZ(operand.LabelRef("panel"))
	VZEROUPPER()
	RET()
}

func (t *tile) clear() {
	t.sums = nil
	for range t.rows {
		var row []reg.VecVirtual
		for range t.width {
			sum := YMM()
			VXORPS(sum, sum, sum)
			row = append(row, sum)
		}
		t.sums = append(t.sums, row)
	}
}

// loop runs over k, four at a time with one prefetch of the weights that come next, then one by one.
func (t *tile) loop() {
	SUBQ(operand.Imm(unroll), t.k)
	JLT(operand.LabelRef("tail"))
	Label("four")
	PREFETCHT0(operand.Mem{Base: t.ahead})
	ADDQ(t.stride, t.ahead)
	for i := range unroll {
		t.step(i)
	}
	t.advance(unroll)
	SUBQ(operand.Imm(unroll), t.k)
	JGE(operand.LabelRef("four"))
	Label("tail")
	ADDQ(operand.Imm(unroll), t.k)
	JZ(operand.LabelRef("done"))
	Label("one")
	t.step(0)
	t.advance(1)
	DECQ(t.k)
	JNZ(operand.LabelRef("one"))
	Label("done")
}

func (t *tile) advance(steps int) {
	ADDQ(operand.U32(lanePitch*steps), t.x)
	pitch := 4
	if t.panelWeights {
		pitch = lanePitch
	}
	ADDQ(operand.U32(pitch*steps), t.w0)
	if t.rows > 3 && !t.panelWeights {
		ADDQ(operand.U32(pitch*steps), t.w3)
	}
}

// weight addresses row r at k plus i.
func (t *tile) weight(r, i int) operand.Mem {
	if t.panelWeights {
		return operand.Mem{Base: t.w0, Disp: lanePitch*i + 4*r}
	}
	m := operand.Mem{Base: t.w0, Disp: 4 * i}
	if r >= 3 {
		m.Base, r = t.w3, r-3
	}
	if r > 0 {
		m.Index, m.Scale = t.ldw, uint8(r)
	}
	return m
}

func (t *tile) step(i int) {
	var panel []reg.VecVirtual
	for v := range t.width {
		p := YMM()
		VMOVUPS(operand.Mem{Base: t.x, Disp: lanePitch*i + vector*v}, p)
		panel = append(panel, p)
	}
	for r := range t.rows {
		w := YMM()
		VBROADCASTSS(t.weight(r, i), w)
		for v := range t.width {
			VFMADD231PS(panel[v], w, t.sums[r][v])
		}
	}
}

// finish adds the bias and, if asked, what y holds, applies ReLU if asked, and stores the tile.
// The maximum keeps a NaN sum: VMAXPS answers its second source when one is NaN.
func (t *tile) finish(args reg.Register, y reg.GPVirtual) {
	bias, flags := GP64(), GP64()
	MOVQ(operand.Mem{Base: args, Disp: argBias}, bias)
	MOVQ(operand.Mem{Base: args, Disp: argFlags}, flags)
	TESTQ(bias, bias)
	JZ(operand.LabelRef("unbiased"))
	for r, row := range t.sums {
		b := YMM()
		VBROADCASTSS(operand.Mem{Base: bias, Disp: 4 * r}, b)
		for _, sum := range row {
			VADDPS(b, sum, sum)
		}
	}
	Label("unbiased")
	TESTQ(operand.U32(flagAdd), flags)
	JZ(operand.LabelRef("fresh"))
	t.each(func(sum reg.VecVirtual, at int) { VADDPS(operand.Mem{Base: y, Disp: at}, sum, sum) })
	Label("fresh")
	TESTQ(operand.U32(flagReLU), flags)
	JZ(operand.LabelRef("store"))
	zero := YMM()
	VXORPS(zero, zero, zero)
	t.each(func(sum reg.VecVirtual, _ int) { VMAXPS(sum, zero, sum) })
	Label("store")
	t.each(func(sum reg.VecVirtual, at int) { VMOVUPS(sum, operand.Mem{Base: y, Disp: at}) })
}

func (t *tile) each(do func(sum reg.VecVirtual, at int)) {
	for r, row := range t.sums {
		for v, sum := range row {
			do(sum, lanePitch*r+vector*v)
		}
	}
}
