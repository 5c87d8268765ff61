package enginetest

import (
	"math"

	"sensevoice/internal/engine"
	"sensevoice/internal/weights"
)

// argMax runs one over a buffer.
func (s *stage) argMax(src engine.Buffer, head *engine.Linear, b engine.Batch, bans []engine.Ban) (ids []int32, logProbs []float32) {
	s.Helper()
	vocabulary, _ := head.Weights.Shape()
	ids, logProbs = make([]int32, src.Rows), make([]float32, src.Rows)
	for i := range ids {
		ids[i], logProbs[i] = -1, nan
	}
	s.ArgMax(ids, logProbs, src, head, b, bans, s.scratch(s.ArgMaxBytes(src.Rows, vocabulary)))
	s.checkGuards()
	return ids, logProbs
}

// logits are a row's, in float64.
func logits(x, w []float32, layer *engine.Linear) []float64 {
	return linearInto(nil, x, w, layer).values
}

// checkRow compares an answer with the logits. Where the best two are closer than rounding either will do.
func checkRow(s *stage, row int, id int32, logProb float32, logits []float64, banned map[int32]bool) {
	s.Helper()
	best, largest, total := int32(-1), math.Inf(-1), 0.0
	for i, v := range logits {
		largest = max(largest, v)
		if !banned[int32(i)] && (best < 0 || v > logits[best]) {
			best = int32(i)
		}
	}
	for _, v := range logits {
		total += math.Exp(v - largest)
	}
	if id < 0 || int(id) >= len(logits) || banned[id] || !(logits[best]-logits[id] <= 1e-5) {
		s.Fatalf("row %d of %d entries: answered %d, best is %d", row, len(logits), id, best)
	}
	if want := logits[best] - largest - math.Log(total); !(math.Abs(float64(logProb)-want) <= 1e-4) {
		s.Fatalf("row %d of %d entries: log-probability %v, want %v", row, len(logits), logProb, want)
	}
}

func testArgMax(s *stage) {
	r := newRand()
	const inputs = 32
	for _, vocabulary := range []int{1, 2, 5, 6, 383, 384, 385, 769, largeVocabulary} {
		for i, b := range []engine.Batch{batchOf(1), batchOf(8), batchOf(17), batchOf(30, 3, 1), batchOf(128, 1)} {
			if b.Rows() > 20 && vocabulary > 1000 && i != 3 {
				continue
			}
			s.clear()
			m, w := newMatrix(s, newTensor(r, matrixTypes[i%3], vocabulary, inputs))
			head := &engine.Linear{Weights: m, Bias: random(r, vocabulary)}
			x := random(r, b.Rows()*inputs)
			ids, logProbs := s.argMax(s.loaded(x, inputs), head, b, nil)
			for row := range ids {
				checkRow(s, row, ids[row], logProbs[row], logits(x[row*inputs:][:inputs], w, head), nil)
			}
		}
	}
}

// testArgMaxTies: of equal entries the first wins, wherever they lie.
func testArgMaxTies(s *stage) {
	const inputs, vocabulary = 4, 1200
	b := batchOf(20)
	for _, winners := range [][]int{{0, 1}, {0, vocabulary - 1}, {5, 6, 7}, {383, 384}, {100, 484, 868}, {767, 768}, {600, 1199}} {
		s.clear()
		m, _ := newMatrix(s, newTensor(newRand(), weights.F32, vocabulary, inputs))
		head := &engine.Linear{Weights: m, Bias: make([]float32, vocabulary)}
		for _, id := range winners {
			head.Bias[id] = 50
		}
		x := make([]float32, b.Rows()*inputs) // logits are the biases
		ids, logProbs := s.argMax(s.loaded(x, inputs), head, b, nil)
		for row, id := range ids {
			if int(id) != winners[0] {
				s.Fatalf("entries %v are equal and best: row %d answered %d", winners, row, id)
			}
			if want := -math.Log(float64(len(winners))); !(math.Abs(float64(logProbs[row])-want) <= 1e-5) {
				s.Fatalf("entries %v are equal and best: log-probability %v, want %v", winners, logProbs[row], want)
			}
		}
	}
}

// testArgMaxBans forbids each segment its favourites, in turn, which must change nothing but their own answers.
func testArgMaxBans(s *stage) {
	r, b := newRand(), batchOf(3, 16, 1, 20, 9)
	const inputs = 32
	for _, vocabulary := range []int{3, 385, 1000} {
		m, w := newMatrix(s, newTensor(r, weights.F32, vocabulary, inputs))
		head := &engine.Linear{Weights: m, Bias: random(r, vocabulary)}
		x := random(r, b.Rows()*inputs)
		var bans []engine.Ban
		for range 2 { // the best, then the second
			s.clear()
			src := s.loaded(x, inputs)
			ids, logProbs := s.argMax(src, head, b, bans)
			for segment := range b.Segments() {
				banned := map[int32]bool{}
				for _, ban := range bans {
					banned[ban.ID] = banned[ban.ID] || ban.Segment == segment
				}
				for row := b.Starts[segment]; row < b.Starts[segment+1]; row++ {
					checkRow(s, row, ids[row], logProbs[row], logits(x[row*inputs:][:inputs], w, head), banned)
				}
				if segment != 1 { // which stays free
					bans = append(bans, engine.Ban{Segment: segment, ID: ids[b.Starts[segment]]})
				}
			}
			bans = append(bans, bans[0]) // twice is once
		}
	}
}

// testArgMaxAlone: a segment's answers are the same bits in a batch and by itself, bans included.
func testArgMaxAlone(s *stage) {
	r, b := newRand(), packed()
	const inputs, vocabulary = 32, 800
	for _, typ := range matrixTypes {
		s.clear()
		head := newLayer(s, r, typ, vocabulary, inputs)
		x := random(r, b.Rows()*inputs)
		free, _ := s.argMax(s.loaded(x, inputs), head, b, nil)
		bans := []engine.Ban{{Segment: 3, ID: free[b.Starts[3]]}, {Segment: 6, ID: free[b.Starts[6]]}}
		ids, logProbs := s.argMax(s.loaded(x, inputs), head, b, bans)
		for i, from := range b.Starts[:b.Segments()] {
			to := b.Starts[i+1]
			var own []engine.Ban
			for _, ban := range bans {
				if ban.Segment == i {
					own = append(own, engine.Ban{ID: ban.ID})
				}
			}
			idsAlone, logProbsAlone := s.argMax(s.loaded(x[from*inputs:to*inputs], inputs), head, batchOf(to-from), own)
			same(s.T, logProbsAlone, logProbs[from:to], "log-probabilities of segment %d alone", i)
			for j, id := range idsAlone {
				if id != ids[from+j] {
					s.Fatalf("row %d of segment %d: %d, alone %d", j, i, ids[from+j], id)
				}
			}
		}
	}
}

// testArgMaxNotFinite: a row with NaN has a log-probability that tells so; others do not.
func testArgMaxNotFinite(s *stage) {
	r := newRand()
	const inputs, vocabulary = 32, 500
	for _, rows := range []int{1, 9, 40} {
		for _, bad := range []float32{nan, float32(math.Inf(1))} {
			s.clear()
			head := newLayer(s, r, weights.F32, vocabulary, inputs)
			x, broken := random(r, rows*inputs), r.IntN(rows)
			x[broken*inputs+r.IntN(inputs)] = bad
			_, logProbs := s.argMax(s.loaded(x, inputs), head, batchOf(rows), nil)
			for row, p := range logProbs {
				if finite := !isNaN(p) && !math.IsInf(float64(p), 0); finite == (row == broken) {
					s.Fatalf("%v in row %d of %d: log-probability of row %d is %v", bad, broken, rows, row, p)
				}
			}
		}
	}
}
