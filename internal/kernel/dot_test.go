package kernel

import (
	"math"
	"testing"
)

func TestDot(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, n := range append([]int{0, 63, 64, 65, 176, 192}, edgeLengths...) {
			a, b := random(r, n+1), random(r, n+1) // one beyond, that must not count
			sum, magnitude := 0.0, 0.0
			for i := range n {
				sum += float64(a[i]) * float64(b[i])
				magnitude += math.Abs(float64(a[i]) * float64(b[i]))
			}
			a[n], b[n] = float32(math.NaN()), float32(math.NaN())
			near(t, s.Dot(a[:n], b), sum, magnitude, "%d products", n)
		}
	})
}

func TestDotKeepsNaN(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		for _, n := range []int{1, 8, 31, 64, 100} {
			for i := range n {
				a, b := make([]float32, n), make([]float32, n)
				a[i] = float32(math.NaN())
				if got := s.Dot(a, b); !isNaN(got) {
					t.Fatalf("NaN at %d of %d: %v", i, n, got)
				}
			}
		}
	})
}
