package resample_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/resample"
)

// whole resamples all at once.
func whole(t testing.TB, from, to int, samples []float32) []float32 {
	t.Helper()
	r, err := resample.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r.Flush(r.Write(nil, samples))
}

// tone is a sine of amplitude 1.
func tone(rate int, hertz float64, count int) []float32 {
	samples := make([]float32, count)
	for i := range samples {
		samples[i] = float32(math.Sin(2 * math.Pi * hertz * float64(i) / float64(rate)))
	}
	return samples
}

// level is the power of samples relative to a sine of amplitude 1, in dB.
func level(samples []float32) float64 {
	sum := 0.0
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	return 10 * math.Log10(2*sum/float64(len(samples)))
}

// inner leaves out the ends, where a tone begins and stops.
func inner(samples []float32) []float32 { return samples[200 : len(samples)-200] }

var rates = []int{8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000, 44101, 192000, 767999}

// TestStopBand: from 8.2 kHz on, nothing of a tone is left, wherever it would fold to.
func TestStopBand(t *testing.T) {
	for _, rate := range []int{22050, 44100, 44101, 48000, 767999} {
		worst, at := math.Inf(-1), 0.0
		for hertz := 8200.0; hertz < float64(rate)/2; hertz *= 1.05 {
			if got := level(inner(whole(t, rate, 16000, tone(rate, hertz, rate/20)))); !(got <= worst) {
				worst, at = got, hertz
			}
		}
		t.Logf("%d Hz: at most %.1f dB, at %.0f Hz", rate, worst, at)
		if !(worst < -80) {
			t.Errorf("%d Hz: %.1f dB at %.0f Hz", rate, worst, at)
		}
	}
}

// TestPassBand: what lies below is as it was, in level and in time.
func TestPassBand(t *testing.T) {
	for _, rate := range rates {
		edge := min(16000, float64(rate)) * 0.42 // 6.7 kHz
		for hertz := 50.0; hertz < edge; hertz *= 2.3 {
			got := whole(t, rate, 16000, tone(rate, hertz, rate/5))
			want := tone(16000, hertz, len(got))
			for i, x := range want {
				want[i] = got[i] - x
			}
			if off := level(inner(want)); !(off < -80) {
				t.Errorf("%d Hz: a tone of %.0f Hz is off by %.1f dB", rate, hertz, off)
			}
		}
	}
}

func TestLength(t *testing.T) {
	for _, rate := range append(rates, 1, 7, 15999, 16001, audio.MaxRate) {
		for _, count := range []int{0, 1, 2, 999, 9000} {
			if rate < 100 && count > 2 {
				continue
			}
			got := len(whole(t, rate, 16000, make([]float32, count)))
			if want := (count*16000 + rate - 1) / rate; got != want {
				t.Errorf("%d samples at %d Hz: %d, want %d", count, rate, got, want)
			}
		}
	}
}

func TestConstantStaysItself(t *testing.T) {
	for _, rate := range rates {
		ones := make([]float32, rate/5)
		for i := range ones {
			ones[i] = 1
		}
		for i, x := range inner(whole(t, rate, 16000, ones)) {
			if !(math.Abs(float64(x)-1) < 2e-6) {
				t.Errorf("%d Hz: sample %d is %g", rate, i, x)
				break
			}
		}
	}
}

func TestChunksAreTheWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rate := range append(rates, 16000) {
		samples := make([]float32, 20_000)
		for i := range samples {
			samples[i] = random.Float32()*2 - 1
		}
		want := whole(t, rate, 16000, samples)
		r, err := resample.New(rate, 16000)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a flushed Resampler is as new
			var got []float32
			for rest := samples; len(rest) > 0; {
				n := min(random.IntN(700), len(rest))
				got = r.Write(got, rest[:n])
				rest = rest[n:]
			}
			if got = r.Flush(got); !slices.Equal(got, want) {
				t.Errorf("%d Hz: chunks differ from the whole", rate)
			}
		}
	}
}

func TestRefusedRates(t *testing.T) {
	for _, rates := range [][2]int{{0, 16000}, {-1, 16000}, {16000, 0}, {audio.MaxRate + 1, 16000}} {
		if _, err := resample.New(rates[0], rates[1]); err == nil {
			t.Errorf("%v is accepted", rates)
		}
	}
}

func BenchmarkResample(b *testing.B) {
	for _, rate := range []int{8000, 44100, 48000} {
		b.Run(resampleName(rate), func(b *testing.B) {
			samples, dst := tone(rate, 440, rate), make([]float32, 0, 1<<15)
			r, err := resample.New(rate, 16000)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for chunk := range slices.Chunk(samples, 4096) {
					dst = r.Write(dst[:0], chunk)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}

func resampleName(rate int) string {
	return map[int]string{8000: "8k", 44100: "44k1", 48000: "48k"}[rate]
}
