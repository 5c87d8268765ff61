package enginetest

import (
	"testing"

	"sensevoice/internal/engine"
	"sensevoice/internal/weights"
)

func testLoadRead(s *stage) {
	r := newRand()
	for _, rows := range rowCounts() {
		for _, channels := range []int{1, 3, 16, 65} {
			s.clear()
			values := random(r, rows*channels)
			s.Load(s.buffer(3, 7), random(r, 21)) // another buffer before it
			b := s.loaded(values, channels)
			same(s.T, s.values(b), values, "%d rows of %d", rows, channels)
		}
	}
}

func testReserve(s *stage) {
	b := s.loaded([]float32{1, 2, 3, 4, 5, 6}, 3)
	for _, bytes := range []int64{0, 1, s.Reserved() - 1, s.Reserved()} {
		before := s.Reserved()
		if err := s.Reserve(bytes); err != nil {
			s.Errorf("Reserve(%d) with %d reserved: %v", bytes, before, err)
		}
		if s.Reserved() != before {
			s.Errorf("Reserve(%d): the arena went from %d to %d", bytes, before, s.Reserved())
		}
	}
	if err := s.Reserve(1 << 62); err == nil {
		s.Error("Reserve(1<<62): no error")
	}
	same(s.T, s.values(b), []float32{1, 2, 3, 4, 5, 6}, "after Reserve that did not grow")

	larger := s.Reserved() + 12345
	if err := s.Reserve(larger); err != nil {
		s.Fatal(err)
	}
	if s.Reserved() < larger {
		s.Errorf("Reserve(%d): the arena has %d", larger, s.Reserved())
	}
}

// testPrices checks that more work never costs less: what admits a batch relies on it.
func testPrices(s *stage) {
	rising := func(name string, price func(n int) int64) {
		last := int64(0)
		for n := 1; n < 300; n++ {
			p := price(n)
			if p <= 0 || p < last {
				s.Fatalf("%s: %d bytes for %d, %d for one less", name, p, n, last)
			}
			last = p
		}
	}
	rising("rows of a buffer", func(n int) int64 { return s.BufferBytes(n, 5) })
	rising("channels of a buffer", func(n int) int64 { return s.BufferBytes(5, n) })
	rising("rows of an attention", func(n int) int64 { return s.AttentionBytes(batchOf(n), 64, 4) })
	rising("rows of one segment of three", func(n int) int64 { return s.AttentionBytes(batchOf(20, n, 7), 64, 4) })
	rising("segments of an attention", func(n int) int64 { return s.AttentionBytes(batchOf(make([]int, n)...), 64, 4) })
	rising("rows of an arg-max", func(n int) int64 { return s.ArgMaxBytes(n, 400) })
	rising("entries of an arg-max", func(n int) int64 { return s.ArgMaxBytes(40, 10*n) })
	if day := s.BufferBytes(1_440_000, 2048); day < 4*1_440_000*1024 {
		s.Errorf("a day's hidden rows cost %d bytes", day)
	}
}

func testMatrix(s *stage) {
	for _, test := range []struct {
		name string
		t    weights.Tensor
	}{
		{"vector", weights.Tensor{Name: "w", Type: weights.F32, Shape: []int{4}, Data: make([]byte, 16)}},
		{"three dimensions", weights.Tensor{Name: "w", Type: weights.F32, Shape: []int{2, 1, 2}, Data: make([]byte, 16)}},
		{"no rows", weights.Tensor{Name: "w", Type: weights.F32, Shape: []int{0, 4}}},
		{"no columns", weights.Tensor{Name: "w", Type: weights.F32, Shape: []int{4, 0}}},
		{"integers", weights.Tensor{Name: "w", Type: weights.I64, Shape: []int{1, 2}, Data: make([]byte, 16)}},
		{"short data", weights.Tensor{Name: "w", Type: weights.F32, Shape: []int{2, 2}, Data: make([]byte, 15)}},
		{"short halves", weights.Tensor{Name: "w", Type: weights.F16, Shape: []int{2, 2}, Data: make([]byte, 7)}},
		{"short blocks", weights.Tensor{Name: "w", Type: weights.Q8_0, Shape: []int{2, 32}, Data: make([]byte, 67)}},
		{"part of a block", weights.Tensor{Name: "w", Type: weights.Q8_0, Shape: []int{2, 33}, Data: make([]byte, 72)}},
	} {
		if _, err := s.Matrix(&test.t); err == nil {
			s.Errorf("%s: no error", test.name)
		}
	}
	w := newRand()
	for _, typ := range matrixTypes {
		m, err := s.Matrix(newTensor(w, typ, 3, 64))
		if err != nil {
			s.Fatal(err)
		}
		if outputs, inputs := m.Shape(); outputs != 3 || inputs != 64 {
			s.Errorf("%v: shape %d, %d", typ, outputs, inputs)
		}
	}
}

func testTimes(s *stage) {
	Outputs(s.T, s.Engine)
	if len(s.Times()) == 0 {
		s.Error("no operation was accounted for")
	}
	for operation, took := range s.Times() {
		if operation == "" || took < 0 {
			s.Errorf("operation %q took %v", operation, took)
		}
	}
}

// Outputs runs each operation on numbers that are always the same and returns all results. Engines that promise
// equal bits, with different numbers of threads for one, return equal slices.
func Outputs(t *testing.T, e engine.Engine) []float32 {
	t.Helper()
	s, r := newStage(t, e), newRand()
	const inputs, heads = 96, 4
	b := packed()
	rows := b.Rows()
	x := s.loaded(random(r, rows*inputs), inputs)
	var all []float32
	collect := func(b engine.Buffer) { all = append(all, s.values(b)...) }
	for _, typ := range matrixTypes {
		y := s.buffer(rows, 50)
		s.Linear(y, x, newLayer(s, r, typ, 50, inputs))
		collect(y)
	}
	s.LayerNorm(x, x, engine.Norm{Gamma: random(r, inputs), Beta: random(r, inputs)})
	collect(x)
	a := newAttention(r, inputs/3, heads, 11, 5)
	context, stream := s.buffer(rows, inputs/3), s.buffer(rows, inputs/3)
	s.Attend(context, stream, x, a, b, s.scratch(s.AttentionBytes(b, inputs/3, heads)))
	collect(context)
	collect(stream)
	ids, logProbs := s.argMax(x, newLayer(s, r, weights.F32, 1000, inputs), b, []engine.Ban{{Segment: 2, ID: 7}})
	for _, id := range ids {
		all = append(all, float32(id))
	}
	return append(all, logProbs...)
}
