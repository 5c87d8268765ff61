package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// measurePeak returns the floating-point operations a second that one core can do, the best of some runs.
func measurePeak(s *Set) float64 {
	best := 0.0
	for range 5 {
		start := time.Now()
		operations := s.Peak(2_000_000)
		best = max(best, float64(operations)/time.Since(start).Seconds())
	}
	return best
}

// BenchmarkGEMM multiplies 10 s of audio by each of the model's matrices.
func BenchmarkGEMM(b *testing.B) {
	const rows = 167
	for _, isa := range Available() {
		s := newSet(isa)
		peak := measurePeak(s)
		for _, size := range modelMatrix {
			b.Run(fmt.Sprintf("%v/%dx%d", isa, size[0], size[1]), func(b *testing.B) {
				p := newProduct(rand.New(rand.NewPCG(1, 1)), size[0], size[1], rows, true, false, false)
				for b.Loop() {
					s.GEMM(&p.GEMM)
				}
				rate := 2 * float64(size[0]*size[1]*rows) * float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate/1e9, "GFLOP/s")
				b.ReportMetric(100*rate/peak, "%peak")
			})
		}
	}
}

// BenchmarkPanel runs the kernels that pass over one panel: ns for each of its numbers.
func BenchmarkPanel(b *testing.B) {
	const channels, keys = 512, 171
	r := rand.New(rand.NewPCG(1, 1))
	src, dst, vector := random(r, channels*Lanes), random(r, channels*Lanes), random(r, 11*channels)
	series := random(r, channels*(Lanes+10))
	var sums [Lanes]float32
	var best ArgMax
	for _, isa := range Available() {
		s := newSet(isa)
		fsmn := FSMN{Dst: dst, Series: series, Pitch: Lanes + 10, Weights: vector, Taps: 11, Left: 5, Channels: channels, High: Lanes}
		for _, kernel := range []struct {
			name    string
			numbers int
			run     func()
		}{
			{"LayerNorm", channels * Lanes, func() { s.LayerNorm(dst, src, vector[:channels], vector[:channels]) }},
			{"Softmax", keys * Lanes, func() { s.Softmax(dst[:keys*Lanes], keys, 0.1, &sums) }},
			{"ArgMax", channels * Lanes, func() { s.ArgMax(src, channels, &best) }},
			{"FSMN", channels * Lanes, func() { s.FSMN(&fsmn) }},
		} {
			b.Run(fmt.Sprintf("%v/%s", isa, kernel.name), func(b *testing.B) {
				for b.Loop() {
					kernel.run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*kernel.numbers), "ns/number")
			})
		}
	}
}
