package kernel

// ArgMax is, for each lane of a block of logits, the largest logit, its row (the first of equals) and
// Σ exp(logit - largest): what is needed to join blocks into an arg-max with its log-probability. A NaN
// among the logits makes the sum NaN.
type ArgMax struct {
	Max   [Lanes]float32
	Index [Lanes]int32
	Sum   [Lanes]float32
}

// ArgMax reduces logits, rows vocabulary entries of 16 lanes.
func (s *Set) ArgMax(logits []float32, rows int, out *ArgMax) {
	_ = logits[rows*Lanes-1]
	s.argMax(logits, rows, out)
}
