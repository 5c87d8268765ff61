package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// product is a GEMM and its operands in row-major order.
type product struct {
	GEMM
	x, before []float32 // rows of K, and what Y held: rows of N
	y         *output
}

// newProduct makes a product of random numbers. Pitches leave gaps, where nothing may be written.
func newProduct(r *rand.Rand, n, k, rows int, bias, add, relu bool) *product {
	p := &product{x: random(r, rows*k), before: random(r, rows*n)}
	p.GEMM = GEMM{N: n, K: k, LDW: k + r.IntN(3), XPitch: k*Lanes + r.IntN(9), YPitch: n*Lanes + r.IntN(9), Rows: rows, ReLU: relu, Add: add}
	p.W = random(r, (n-1)*p.LDW+k)
	if bias {
		p.Bias = random(r, n)
	}
	p.X = toPanels(p.x, rows, k, p.XPitch)
	p.y = newOutput((Panels(rows)-1)*p.YPitch + n*Lanes)
	p.Y = p.y.data
	if add {
		for row := range rows {
			for i := range n {
				p.Y[at(row, i, p.YPitch)] = p.before[row*n+i]
			}
		}
	}
	return p
}

// want is the formula in float64, with the sum of magnitudes.
func (p *product) want(row, n int) (value, scale float64) {
	term := func(v float64) { value, scale = value+v, scale+math.Abs(v) }
	for k := range p.K {
		term(float64(p.W[n*p.LDW+k]) * float64(p.x[row*p.K+k]))
	}
	if p.Bias != nil {
		term(float64(p.Bias[n]))
	}
	if p.Add {
		term(float64(p.before[row*p.N+n]))
	}
	if p.ReLU {
		value = max(value, 0)
	}
	return value, scale
}

func (p *product) verify(t *testing.T) {
	t.Helper()
	name := fmt.Sprintf("N %d, K %d, rows %d, bias %v, add %v, relu %v", p.N, p.K, p.Rows, p.Bias != nil, p.Add, p.ReLU)
	p.y.check(t)
	for row := range p.Rows {
		for n := range p.N {
			value, scale := p.want(row, n)
			near(t, p.Y[at(row, n, p.YPitch)], value, scale, "%s: row %d, output %d", name, row, n)
		}
	}
	for i, v := range p.Y {
		if i%p.YPitch >= p.N*Lanes && !isPoison(v) {
			t.Fatalf("%s: wrote %v between panels, at %d", name, v, i)
		}
	}
}

var (
	edgeRows     = []int{1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 41}
	edgeDepths   = []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33}
	modelMatrix  = [][2]int{{1536, 560}, {1536, 512}, {512, 512}, {2048, 512}, {512, 2048}} // outputs, inputs
	modelChannel = []int{512, 560, 1536, 2048}
)

func TestGEMMAtEdges(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for n := 1; n <= 2*s.TileRows()+2; n++ { // tiles of every height, with one and with two before them
			for _, k := range edgeDepths {
				for _, rows := range edgeRows {
					flags := r.IntN(8)
					p := newProduct(r, n, k, rows, flags&1 != 0, flags&2 != 0, flags&4 != 0)
					s.GEMM(&p.GEMM)
					p.verify(t)
				}
			}
		}
	})
}

func TestGEMMFlags(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for n := 1; n <= s.TileRows(); n++ {
			for _, rows := range []int{1, 8, 9, 16, 20} {
				for flags := range 8 {
					p := newProduct(r, n, 6, rows, flags&1 != 0, flags&2 != 0, flags&4 != 0)
					s.GEMM(&p.GEMM)
					p.verify(t)
				}
			}
		}
	})
}

func TestGEMMAtModelSizes(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, size := range modelMatrix {
			for _, rows := range []int{3, 17} {
				p := newProduct(r, size[0], size[1], rows, true, rows == 3, rows == 17)
				p.Ahead = random(r, 10) // shorter than what is fetched: a hint must do no harm
				s.GEMM(&p.GEMM)
				p.verify(t)
			}
		}
	})
}

// A row's numbers may not depend on where it lies or what else is computed.
func TestGEMMRowIsTheSameEverywhere(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		const n, k = 13, 37
		alone := newProduct(r, n, k, 1, true, false, true)
		s.GEMM(&alone.GEMM)
		for rows := 1; rows <= 3*Lanes; rows++ {
			for row := range rows {
				p := newProduct(r, n, k, rows, true, false, true)
				p.W, p.LDW, p.Bias = alone.W, alone.LDW, alone.Bias
				for i, v := range alone.x {
					p.X[at(row, i, p.XPitch)] = v
				}
				s.GEMM(&p.GEMM)
				for i := range n {
					if got, want := p.Y[at(row, i, p.YPitch)], alone.Y[at(0, i, alone.YPitch)]; got != want {
						t.Fatalf("output %d as row %d of %d: %v, alone %v", i, row, rows, got, want)
					}
				}
			}
		}
	})
}

// Nor may an output depend on the tile that its weights have come into.
func TestGEMMOutputIsTheSameInEveryTile(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		const k, rows = 19, 25
		one := newProduct(r, 1, k, rows, false, false, false)
		s.GEMM(&one.GEMM)
		for n := 1; n <= 3*s.TileRows(); n++ {
			for place := range n {
				p := newProduct(r, n, k, rows, false, false, false)
				p.X, p.XPitch = one.X, one.XPitch
				copy(p.W[place*p.LDW:], one.W[:k])
				s.GEMM(&p.GEMM)
				for row := range rows {
					if got, want := p.Y[at(row, place, p.YPitch)], one.Y[at(row, 0, one.YPitch)]; got != want {
						t.Fatalf("row %d, weights %d of %d: %v, alone %v", row, place, n, got, want)
					}
				}
			}
		}
	})
}

func TestGEMMNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, rows := range []int{8, 16, 21} {
			for n := 1; n <= s.TileRows(); n++ {
				for _, relu := range []bool{false, true} {
					p := newProduct(r, n, 9, rows, true, false, relu)
					bad := r.IntN(rows)
					p.X[at(bad, r.IntN(p.K), p.XPitch)] = nan
					s.GEMM(&p.GEMM)
					for row := range rows {
						for i := range n {
							if got := isNaN(p.Y[at(row, i, p.YPitch)]); got != (row == bad) {
								t.Fatalf("NaN in row %d of %d, output %d of row %d: NaN is %v (relu %v)", bad, rows, i, row, got, relu)
							}
						}
					}
				}
			}
		}
		w := []float32{1, -1, 0}
		for _, test := range []struct {
			x    float32
			relu bool
			want [3]float32
		}{
			{inf, false, [3]float32{inf, -inf, nan}},
			{inf, true, [3]float32{inf, 0, nan}},
			{-inf, true, [3]float32{0, inf, nan}},
		} {
			y := newOutput(3 * Lanes)
			s.GEMM(&GEMM{W: w, LDW: 1, N: 3, K: 1, X: slices.Repeat([]float32{test.x}, Lanes), Y: y.data, Rows: Lanes, ReLU: test.relu})
			for i, v := range y.data {
				if want := test.want[i/Lanes]; v != want && !(isNaN(v) && isNaN(want)) {
					t.Errorf("%v times %v, relu %v: %v", test.x, w[i/Lanes], test.relu, v)
				}
			}
		}
	})
}

func TestTiles(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		for n := 1; n < 1000; n++ {
			if s.TileStart(n, 0) != 0 || s.TileStart(n, s.Tiles(n)) != n {
				t.Fatalf("%d rows: tiles from %d to %d", n, s.TileStart(n, 0), s.TileStart(n, s.Tiles(n)))
			}
			for tile := range s.Tiles(n) {
				rows := s.TileStart(n, tile+1) - s.TileStart(n, tile)
				if rows < min(n, s.TileRows()/2) || rows > s.TileRows() {
					t.Fatalf("tile %d of %d rows has %d", tile, n, rows)
				}
			}
		}
	})
}
