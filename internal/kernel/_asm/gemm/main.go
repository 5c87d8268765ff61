// Command gemm writes the matrix kernels: tiles of weight rows by lanes of panels.
//
// A tile keeps its sums in registers over the whole inner dimension: for each k it loads the panels'
// vectors, broadcasts one number of each weight row and does a multiply-add (FMA) for every pair. There are enough
// sums to hide the latency of an FMA (4 cycles, 2 a cycle), and enough rows and vectors that loads are fewer than FMAs.
// Each sum is one chain over k in ascending order, so a row's result does not depend on the tile, the lane, the
// neighbours or the length of the vectors.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"sensevoice/internal/kernel/_asm/vecmath"
)

const (
	unroll    = 4
	cacheLine = 64
	baseRows  = 3 // weight rows that one base register reaches: its own and, through the index register, two more
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
	avx2()
	avx512()
	Generate()
}

// avx2: six rows by two vectors are twelve sums, which leaves two registers for the panel and two for broadcasts. Half a
// panel is for a last one of 8 rows or fewer.
func avx2() {
	for rows := 1; rows <= 6; rows++ {
		for _, vectors := range []int{2, 1} {
			tile{rows: rows, panels: 1, vectors: vectors, isa: vecmath.AVX2}.emit(fmt.Sprintf("gemm%dx%dAVX2", rows, 8*vectors))
		}
	}
	for _, rows := range []int{5, 6} { // 16 keys of a panel are 6 + 5 + 5
		tile{rows: rows, panels: 1, vectors: 2, isa: vecmath.AVX2, panelWeights: true}.emit(fmt.Sprintf("gemmPanel%dx16AVX2", rows))
	}
}

// avx512: twelve rows by two panels are 24 of 32 registers. Twice the sums for each number that comes from the second-level
// cache make up for FMAs that are twice as wide.
func avx512() {
	for _, rows := range []int{1, 6, 7, 8, 9, 10, 11, 12} {
		for _, panels := range []int{2, 1} {
			tile{rows: rows, panels: panels, vectors: 1, isa: vecmath.AVX512}.emit(fmt.Sprintf("gemm%dx%dAVX512", rows, 16*panels))
		}
	}
	tile{rows: 16, panels: 1, vectors: 1, isa: vecmath.AVX512, panelWeights: true}.emit("gemmPanel16x16AVX512")
}

// tile is one kernel: rows weight rows by panels, of each of which it takes so many vectors. With panelWeights the
// weights lie in a panel themselves (neighbouring rows 4 bytes apart, neighbouring k 64), as keys do in attention.
type tile struct {
	isa                   vecmath.ISA
	rows, panels, vectors int
	panelWeights          bool

	bases                   []reg.GPVirtual // of every third weight row
	ldw, x, xStep, y, yStep reg.GPVirtual
	k, ahead, stride        reg.GPVirtual
	sums                    [][]reg.VecVirtual // rows by panels*vectors
}

func (t tile) emit(name string) {
	TEXT(name, NOSPLIT, "func(args *uint8)")
	Pragma("noescape")
	args := Load(Param("args"), GP64())
	field := func(offset int) operand.Mem { return operand.Mem{Base: args, Disp: offset} }
	load := func(offset int) reg.GPVirtual {
		r := GP64()
		MOVQ(field(offset), r)
		return r
	}
	t.ldw, t.ahead, t.stride = load(argLDW), load(argAhead), GP64()
	MOVQ(operand.U32(cacheLine), t.stride)
	t.x, t.k = GP64(), GP64()
	if t.panels > 1 {
		t.xStep = load(argXStep)
	}
	for range t.baseCount() {
		t.bases = append(t.bases, GP64())
	}

	Label("panel")
	MOVQ(field(argW), t.bases[0])
	for i, base := range t.bases[1:] {
		LEAQ(operand.Mem{Base: t.bases[i], Index: t.ldw, Scale: 2}, base)
		ADDQ(t.ldw, base)
	}
	MOVQ(field(argX), t.x)
	MOVQ(field(argK), t.k)
	t.clear()
	t.loop()
	t.finish(field)

	// Past the end of what is wanted next, the same line is fetched again and again, which costs nothing.
	still := GP64()
	XORQ(still, still)
	CMPQ(t.ahead, field(argAheadEnd))
	CMOVQCC(still, t.stride)

	for _, advance := range [][3]int{{argW, argWStep, 1}, {argX, argXStep, t.panels}, {argY, argYStep, t.panels}} {
		step := load(advance[1])
		for range advance[2] {
			ADDQ(step, field(advance[0]))
		}
	}
	DECQ(field(argCount))
	JNZ(operand.LabelRef("panel"))
	VZEROUPPER()
	RET()
}

func (t *tile) baseCount() int {
	if t.panelWeights {
		return 1
	}
	return (t.rows + baseRows - 1) / baseRows
}

func (t *tile) clear() {
	t.sums = nil
	for range t.rows {
		var row []reg.VecVirtual
		for range t.panels * t.vectors {
			row = append(row, t.isa.Zero())
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
	ADDQ(operand.U32(vecmath.LanePitch*steps), t.x)
	pitch := 4
	if t.panelWeights {
		pitch = vecmath.LanePitch
	}
	for _, base := range t.bases {
		ADDQ(operand.U32(pitch*steps), base)
	}
}

// weight addresses row r at k plus i.
func (t *tile) weight(r, i int) operand.Mem {
	if t.panelWeights {
		return operand.Mem{Base: t.bases[0], Disp: vecmath.LanePitch*i + 4*r}
	}
	m := operand.Mem{Base: t.bases[r/baseRows], Disp: 4 * i}
	if r %= baseRows; r > 0 {
		m.Index, m.Scale = t.ldw, uint8(r)
	}
	return m
}

func (t *tile) step(i int) {
	var panel []reg.VecVirtual
	for v := range t.panels * t.vectors {
		p := t.isa.Register()
		VMOVUPS(t.place(t.x, t.xStep, v, vecmath.LanePitch*i), p)
		panel = append(panel, p)
	}
	for r := range t.rows {
		if t.isa == vecmath.AVX512 && len(panel) == 1 {
			VFMADD231PS_BCST(t.weight(r, i), panel[0], t.sums[r][0])
			continue
		}
		w := t.isa.Register()
		VBROADCASTSS(t.weight(r, i), w)
		for v := range panel {
			VFMADD231PS(panel[v], w, t.sums[r][v])
		}
	}
}

// place addresses vector v, offset bytes from its panel's beginning; step is the distance between panels.
func (t *tile) place(base, step reg.GPVirtual, v, offset int) operand.Mem {
	m := operand.Mem{Base: base, Disp: offset + t.isa.Bytes*(v%t.vectors)}
	if v >= t.vectors {
		m.Index, m.Scale = step, 1
	}
	return m
}

// finish adds the bias and, if asked, what y holds, applies ReLU if asked, and stores the tile.
// The maximum keeps a NaN sum: VMAXPS answers its second source when one is NaN.
func (t *tile) finish(field func(int) operand.Mem) {
	t.y, t.yStep = GP64(), GP64()
	MOVQ(field(argY), t.y)
	MOVQ(field(argYStep), t.yStep)
	bias, flags := GP64(), GP64()
	MOVQ(field(argBias), bias)
	MOVQ(field(argFlags), flags)
	TESTQ(bias, bias)
	JZ(operand.LabelRef("unbiased"))
	for r, row := range t.sums {
		b := t.isa.Register()
		VBROADCASTSS(operand.Mem{Base: bias, Disp: 4 * r}, b)
		for _, sum := range row {
			VADDPS(b, sum, sum)
		}
	}
	Label("unbiased")
	TESTQ(operand.U32(flagAdd), flags)
	JZ(operand.LabelRef("fresh"))
	t.each(func(sum reg.VecVirtual, at operand.Mem) { VADDPS(at, sum, sum) })
	Label("fresh")
	TESTQ(operand.U32(flagReLU), flags)
	JZ(operand.LabelRef("store"))
	none := t.isa.Zero()
	t.each(func(sum reg.VecVirtual, _ operand.Mem) { VMAXPS(sum, none, sum) })
	Label("store")
	t.each(func(sum reg.VecVirtual, at operand.Mem) { VMOVUPS(sum, at) })
}

func (t *tile) each(do func(sum reg.VecVirtual, at operand.Mem)) {
	for r, row := range t.sums {
		for v, sum := range row {
			do(sum, t.place(t.y, t.yStep, v, vecmath.LanePitch*r))
		}
	}
}
