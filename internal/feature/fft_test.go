package feature

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

func TestPowerAgainstGonum(t *testing.T) {
	const seed = 3
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	inputs := map[string]func(i int) float64{
		"noise":       func(int) float64 { return random.Float64()*2 - 1 },
		"impulse":     func(i int) float64 { return max(0, 1-float64(i)) },
		"late":        func(i int) float64 { return max(0, float64(i)-fftSize+2) },
		"constant":    func(int) float64 { return 1 },
		"alternating": func(i int) float64 { return 1 - 2*float64(i%2) },
		"bin 1":       func(i int) float64 { return math.Sin(2 * math.Pi * float64(i) / fftSize) },
		"bin 128":     func(i int) float64 { return math.Cos(2 * math.Pi * float64(i) / 4) },
		"between":     func(i int) float64 { return math.Cos(2 * math.Pi * float64(i) * 77.3 / fftSize) },
	}
	f := newRealFFT()
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			x := make([]float64, fftSize)
			s := new(spectrum)
			for i := range x {
				x[i] = input(i)
			}
			for i := range s.values {
				s.values[i] = complex(float32(x[2*i]/2), float32(x[2*i+1]/2))
			}
			f.power(s)
			for k, value := range fourier.NewFFT(fftSize).Coefficients(nil, x)[:fftSize/2] {
				got, want := math.Sqrt(float64(s.power[k])), cmplx.Abs(value)
				if !(math.Abs(got-want) <= 1e-4) {
					t.Fatalf("bin %d: magnitude %g, want %g", k, got, want)
				}
			}
		})
	}
}

// TestMelBank holds what every filter has: a peak, neighbours that share its slopes, no gaps.
func TestMelBank(t *testing.T) {
	bank := melBank(80)
	var total [fftSize / 2]float64
	for i, filter := range bank {
		if len(filter.weights) == 0 {
			t.Fatalf("filter %d is empty", i)
		}
		for k, w := range filter.weights {
			if !(w > 0 && w <= 1) {
				t.Errorf("filter %d: weight %g", i, w)
			}
			total[filter.first+k] += float64(w)
		}
	}
	last := bank[len(bank)-1]
	for k := bank[0].first + len(bank[0].weights); k < last.first; k++ {
		if !(math.Abs(total[k]-1) <= 1e-6) {
			t.Errorf("frequency %d: weights add up to %g", k, total[k])
		}
	}
}

func BenchmarkPower(b *testing.B) {
	f, s := newRealFFT(), new(spectrum)
	for i := range s.values {
		s.values[i] = complex(float32(i%7), float32(i%5))
	}
	input := s.values
	for b.Loop() {
		s.values = input
		f.power(s)
	}
}
