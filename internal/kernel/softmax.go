package kernel

import "fmt"

// Softmax replaces scores, rows keys of 16 lanes, by exp(scale·(score - largest of its lane)) and
// answers each lane's sum. Dividing by the sum is left to whoever uses the weights: see
// [Set.DivideLanes].
func (s *Set) Softmax(scores []float32, rows int, scale float32, sums *[Lanes]float32) {
	_ = scores[rows*Lanes-1]
	s.softmax(scores, rows, scale, sums)
}

// DivideLanes writes src/divisors, channels rows of 16 lanes, into lanes low to high (exclusive) of dst
// and leaves the other lanes of dst alone: another goroutine may write them at the same time.
func (s *Set) DivideLanes(dst, src []float32, divisors *[Lanes]float32, channels, low, high int) {
	checkLanes(low, high)
	if size := channels * Lanes; size < 1 || len(dst) < size || len(src) < size { // dst itself may not be looked at
		panic(fmt.Sprintf("kernel: %d channels of %d lanes in slices of %d and %d", channels, Lanes, len(dst), len(src)))
	}
	s.divideLanes(dst, src, divisors, channels, low, high)
}
