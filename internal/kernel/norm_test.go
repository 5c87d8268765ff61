package kernel

import (
	"math"
	"slices"
	"testing"
)

// checkNorm compares a panel with the formula in float64.
func checkNorm(t *testing.T, got, src, gamma, beta []float32) {
	t.Helper()
	channels := float64(len(gamma))
	for lane := range Lanes {
		mean, variance := 0.0, 0.0
		for c := range gamma {
			mean += float64(src[c*Lanes+lane]) / channels
		}
		for c := range gamma {
			variance += math.Pow(float64(src[c*Lanes+lane])-mean, 2) / channels
		}
		deviation := math.Sqrt(variance + Epsilon)
		for c, g := range gamma {
			v := float64(src[c*Lanes+lane])
			want := (v-mean)/deviation*float64(g) + float64(beta[c])
			scale := (math.Abs(v)+math.Abs(mean))/deviation*math.Abs(float64(g)) + math.Abs(float64(beta[c]))
			near(t, got[c*Lanes+lane], want, scale, "%d channels: channel %d, lane %d", len(gamma), c, lane)
		}
	}
}

func TestLayerNorm(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, channels := range append([]int{1, 2, 3, 4, 5, 7, 8, 9, 12, 33, 64}, modelChannel...) {
			for _, offset := range []float32{0, 10} {
				src, gamma, beta := random(r, channels*Lanes), random(r, channels), random(r, channels)
				for i := range src {
					src[i] += offset
				}
				out := newOutput(channels * Lanes)
				s.LayerNorm(out.data, src, gamma, beta)
				out.check(t)
				checkNorm(t, out.data, src, gamma, beta)

				inPlace := newOutput(channels * Lanes)
				copy(inPlace.data, src)
				s.LayerNorm(inPlace.data, inPlace.data, gamma, beta)
				inPlace.check(t)
				if !slices.Equal(inPlace.data, out.data) {
					t.Fatalf("%d channels: in place differs", channels)
				}
			}
		}
	})
}

func TestLayerNormOfAConstant(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		for _, channels := range []int{1, 3, 4, 512} {
			src, beta := slices.Repeat([]float32{3}, channels*Lanes), slices.Repeat([]float32{0.5}, channels)
			gamma := slices.Repeat([]float32{1}, channels)
			out := newOutput(channels * Lanes)
			s.LayerNorm(out.data, src, gamma, beta)
			checkNorm(t, out.data, src, gamma, beta)
		}
	})
}

func TestLayerNormIsTheSameInEveryLane(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, channels := range []int{3, 64, 560} {
			var src []float32
			for range channels {
				src = append(src, slices.Repeat([]float32{r.Float32()}, Lanes)...)
			}
			out := newOutput(channels * Lanes)
			s.LayerNorm(out.data, src, random(r, channels), random(r, channels))
			for i, v := range out.data {
				if v != out.data[i/Lanes*Lanes] {
					t.Fatalf("%d channels: channel %d differs in lane %d", channels, i/Lanes, i%Lanes)
				}
			}
		}
	})
}

func TestLayerNormNotFinite(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, channels := range []int{1, 5, 8, 512} {
				src, lane := random(r, channels*Lanes), r.IntN(Lanes)
				src[r.IntN(channels)*Lanes+lane] = bad
				out := newOutput(channels * Lanes)
				s.LayerNorm(out.data, src, random(r, channels), random(r, channels))
				for i, v := range out.data {
					if isNaN(v) != (i%Lanes == lane) {
						t.Fatalf("%v in lane %d of %d channels: channel %d, lane %d is %v", bad, lane, channels, i/Lanes, i%Lanes, v)
					}
				}
			}
		}
	})
}
