package feature

import "math"

const (
	sampleRate  = 16000
	lowestHertz = 20 // the first mel filter begins here, the last one ends at half the sample rate

	preEmphasis = 0.97
	// floor keeps the logarithm of silence finite: float32's epsilon, as in Kaldi.
	floor = 0x1p-23
	// scale undoes the division that made samples of 16-bit integers, since the networks were trained
	// on integers, and halves the result, which realFFT.power expects. A power of two, so that it
	// does not matter where in the chain it is applied.
	scale = 32768 / 2
)

// frame writes the log-mel energies of one window of samples: mean removed, high frequencies raised,
// windowed, transformed, summed under each mel filter.
func (e *Extractor) frame(dst, samples []float32, s *spectrum) {
	e.emphasise(s, samples)
	e.fft.power(s)
	for i, t := range e.mel {
		energy := t.sum(&s.power)
		if energy < floor { // false for NaN, which must not pass for silence
			energy = floor
		}
		dst[i] = float32(math.Log(float64(energy)))
	}
}

// emphasise fills the transform's input: x[i] - 0.97 x[i-1] of the samples without their mean, under
// the window, and zeros behind. The first sample, which has none before it, counts as its own.
func (e *Extractor) emphasise(s *spectrum, samples []float32) {
	mean := meanOf(samples)
	window := e.window[:len(samples)]
	previous := samples[0] - mean
	pairs := len(samples) / 2
	for i := range pairs {
		even, odd := samples[2*i]-mean, samples[2*i+1]-mean
		s.values[i] = complex(
			(even-preEmphasis*previous)*window[2*i],
			(odd-preEmphasis*even)*window[2*i+1],
		)
		previous = odd
	}
	clear(s.values[pairs:])
	if last := len(samples) - 1; last%2 == 0 {
		s.values[pairs] = complex((samples[last]-mean-preEmphasis*previous)*window[last], 0)
	}
}

// meanOf adds in four lanes: a single sum would wait for each addition to finish before the next.
func meanOf(samples []float32) float32 {
	var a, b, c, d float32
	rest := samples
	for ; len(rest) >= 4; rest = rest[4:] {
		a += rest[0]
		b += rest[1]
		c += rest[2]
		d += rest[3]
	}
	for _, x := range rest {
		a += x
	}
	return ((a + b) + (c + d)) / float32(len(samples))
}

// hamming returns a symmetric Hamming window, times scale.
func hamming(length int) []float32 {
	window := make([]float32, length)
	for i := range window {
		phase := 2 * math.Pi * float64(i) / float64(length-1)
		window[i] = float32(scale * (0.54 - 0.46*math.Cos(phase)))
	}
	return window
}

// triangle is a mel filter: its weights for the frequencies from first on. All others weigh nothing.
type triangle struct {
	first   int
	weights []float32
}

func (t triangle) sum(power *[fftSize / 2]float32) float32 {
	var sum float32
	values := power[t.first:][:len(t.weights)]
	for i, w := range t.weights {
		sum += w * values[i]
	}
	return sum
}

// melBank returns filters that rise from the middle of their left neighbour to their own, and fall to
// the middle of their right one, all equally far apart on the mel scale.
func melBank(bins int) []triangle {
	low, high := melScale(lowestHertz), melScale(sampleRate/2)
	step := (high - low) / float64(bins+1)
	bank := make([]triangle, bins)
	for i := range bank {
		middle := low + float64(i+1)*step
		for k := range fftSize / 2 {
			distance := math.Abs(melScale(float64(k)*sampleRate/fftSize)-middle) / step
			if distance >= 1 {
				continue
			}
			if bank[i].weights == nil {
				bank[i].first = k
			}
			bank[i].weights = append(bank[i].weights, float32(1-distance))
		}
	}
	return bank
}

func melScale(hertz float64) float64 { return 1127 * math.Log(1+hertz/700) }
