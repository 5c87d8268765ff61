//go:build !purego

package kernel

import "unsafe"

const rowsAVX512 = 12

// avx512 is the set for AVX-512 (F), whose vectors hold all lanes of a panel. What converts weights and multiplies rows of
// speech detection stays with AVX2.
func avx512() *Set {
	return &Set{
		isa: AVX512, tileRows: rowsAVX512, gemm: gemmAVX512, scores: scoresAVX512, softmax: softmax512, divideLanes: divideLanes512,
		layerNorm: layerNorm512, fsmn: fsmn512, argMax: argMax512, float16: float16x8, q8: q8x32, dot: dot256,
		peak: peakAVX512,
	}
}

// gemmAVX512 runs tile after tile over pairs of panels, and over a last one alone. There are kernels for the tiles that are
// left when rows are cut evenly, 6 rows and more; fewer, which no model's matrix has, go one by one.
func gemmAVX512(g *GEMM) {
	pairs, odd := Panels(g.Rows)/2, Panels(g.Rows)%2
	args := newArgs(g)
	for tile := range tiles(g.N, rowsAVX512) {
		n, end := tileStart(g.N, tile, rowsAVX512), tileStart(g.N, tile+1, rowsAVX512)
		rows := end - n
		if rows < rowsAVX512/2 {
			rows = 1
		}
		for ; n < end; n += rows {
			args.weights(g, n)
			if pairs > 0 {
				args.panels(g, n, 0, pairs)
				tile32(rows, &args)
			}
			if odd > 0 {
				args.panels(g, n, 2*pairs, 1)
				tile16x512(rows, &args)
			}
		}
	}
}

// scoresAVX512 takes the 16 keys of a panel as one tile.
func scoresAVX512(a *Scores) {
	args := gemmArgs{
		w: unsafe.Pointer(&a.Keys[0]), k: uintptr(a.Depth), x: unsafe.Pointer(&a.Query[0]), y: unsafe.Pointer(&a.Out[0]),
		wStep: uintptr(4 * a.Pitch), yStep: 4 * Lanes * Lanes, count: uintptr(a.Panels),
		ahead: unsafe.Pointer(&a.Query[0]), aheadEnd: unsafe.Pointer(&a.Query[0]),
	}
	gemmPanel16x16AVX512(&args)
}

func tile32(rows int, args *gemmArgs) {
	switch rows {
	case 12:
		gemm12x32AVX512(args)
	case 11:
		gemm11x32AVX512(args)
	case 10:
		gemm10x32AVX512(args)
	case 9:
		gemm9x32AVX512(args)
	case 8:
		gemm8x32AVX512(args)
	case 7:
		gemm7x32AVX512(args)
	case 6:
		gemm6x32AVX512(args)
	default:
		gemm1x32AVX512(args)
	}
}

func tile16x512(rows int, args *gemmArgs) {
	switch rows {
	case 12:
		gemm12x16AVX512(args)
	case 11:
		gemm11x16AVX512(args)
	case 10:
		gemm10x16AVX512(args)
	case 9:
		gemm9x16AVX512(args)
	case 8:
		gemm8x16AVX512(args)
	case 7:
		gemm7x16AVX512(args)
	case 6:
		gemm6x16AVX512(args)
	default:
		gemm1x16AVX512(args)
	}
}

func peakAVX512(rounds int) (flops int) {
	fmaPeakAVX512(rounds)
	return 2 * 12 * 16 * rounds
}

func fmaPeakAVX512(rounds int)

//go:noescape
func gemmPanel16x16AVX512(args *gemmArgs)

//go:noescape
func gemm1x16AVX512(args *gemmArgs)

//go:noescape
func gemm1x32AVX512(args *gemmArgs)

//go:noescape
func gemm6x16AVX512(args *gemmArgs)

//go:noescape
func gemm6x32AVX512(args *gemmArgs)

//go:noescape
func gemm7x16AVX512(args *gemmArgs)

//go:noescape
func gemm7x32AVX512(args *gemmArgs)

//go:noescape
func gemm8x16AVX512(args *gemmArgs)

//go:noescape
func gemm8x32AVX512(args *gemmArgs)

//go:noescape
func gemm9x16AVX512(args *gemmArgs)

//go:noescape
func gemm9x32AVX512(args *gemmArgs)

//go:noescape
func gemm10x16AVX512(args *gemmArgs)

//go:noescape
func gemm10x32AVX512(args *gemmArgs)

//go:noescape
func gemm11x16AVX512(args *gemmArgs)

//go:noescape
func gemm11x32AVX512(args *gemmArgs)

//go:noescape
func gemm12x16AVX512(args *gemmArgs)

//go:noescape
func gemm12x32AVX512(args *gemmArgs)
