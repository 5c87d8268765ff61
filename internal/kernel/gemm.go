package kernel

// GEMM is one product of weights and activations: Y = act(X·Wᵀ + bias), or with Add Y = act(Y + X·Wᵀ + bias).
type GEMM struct {
	W    []float32 // N weight rows of K values, row n from W[n*LDW]
	LDW  int       // distance between weight rows, at least K
	N, K int
	Bias []float32 // N values, or nil for none

	X      []float32 // panels of K channels, panel p from X[p*XPitch]
	XPitch int
	Y      []float32 // panels of N channels, panel p from Y[p*YPitch]
	YPitch int
	Rows   int // activation rows, at least 1; panels = Panels(Rows)

	ReLU bool
	Add  bool

	// Ahead are weights that will be wanted next: they are fetched into the cache while this
	// product runs. It is a hint and may be nil.
	Ahead []float32
}

// TileRows returns the most weight rows that one pass of the set's kernel handles. Callers who split N into
// pieces should cut at [Set.TileStart].
func (s *Set) TileRows() int { return s.tileRows }

// Tiles returns the number of tiles that n weight rows make.
func (s *Set) Tiles(n int) int { return tiles(n, s.tileRows) }

// TileStart returns the first weight row of a tile. All tiles have [Set.TileRows] rows, but the last two share
// what is left evenly, since a tile of one or two rows would wait for its own sums.
func (s *Set) TileStart(n, tile int) int { return tileStart(n, tile, s.tileRows) }

func tiles(n, rows int) int { return (n + rows - 1) / rows }

func tileStart(n, tile, rows int) int {
	tiles := tiles(n, rows)
	switch {
	case tile >= tiles:
		return n
	case tile == tiles-1 && tiles > 1:
		left := n - (tiles-2)*rows
		return n - left/2
	}
	return tile * rows
}

// GEMM computes one product.
func (s *Set) GEMM(g *GEMM) {
	panels := Panels(g.Rows)
	_ = g.W[(g.N-1)*g.LDW+g.K-1]
	_ = g.X[(panels-1)*g.XPitch+g.K*Lanes-1]
	_ = g.Y[(panels-1)*g.YPitch+g.N*Lanes-1]
	if g.Bias != nil {
		_ = g.Bias[g.N-1]
	}
	s.gemm(g)
}

// Scores is the product of keys and queries of one attention head: for each key of the panels,
// Out[key*16+lane] = Σ_d key[d]·query[d] for the query in that lane.
type Scores struct {
	Keys   []float32 // panels of keys: panel p from Keys[p*Pitch], Depth channels
	Pitch  int
	Query  []float32 // one panel, Depth channels
	Out    []float32 // Panels*16 rows of 16 lanes
	Depth  int
	Panels int
}

// Scores computes all products of the panels' keys with one panel of queries.
func (s *Set) Scores(a *Scores) {
	_ = a.Keys[(a.Panels-1)*a.Pitch+a.Depth*Lanes-1]
	_ = a.Query[a.Depth*Lanes-1]
	_ = a.Out[a.Panels*Lanes*Lanes-1]
	s.scores(a)
}

// Peak measures the multiply-adds a core can do: it runs rounds of the densest loop that the
// instruction set allows and returns how many floating-point operations that were.
func (s *Set) Peak(rounds int) (flops int) { return s.peak(rounds) }
