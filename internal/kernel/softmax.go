package kernel

// Softmax replaces scores, rows keys of 16 lanes, by exp(scale·(score - largest of its lane)) and
// answers each lane's sum. Dividing by the sum is left to whoever uses the weights: see
// [Set.DivideLanes].
func (s *Set) Softmax(scores []float32, rows int, scale float32, sums *[Lanes]float32) {
	_ = scores[rows*Lanes-1]
	s.softmax(scores, rows, scale, sums)
}

// DivideLanes writes src/divisors, channels rows of 16 lanes, into lanes low to high (exclusive) of dst
// and leaves the other lanes of dst as they are.
func (s *Set) DivideLanes(dst, src []float32, divisors *[Lanes]float32, channels, low, high int) {
	_, _ = dst[channels*Lanes-1], src[channels*Lanes-1]
	s.divideLanes(dst, src, divisors, channels, low, high)
}
