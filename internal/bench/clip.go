// Package bench measures the recogniser: how fast it decodes, what share of the processor's peak that is, and what memory
// it takes.
package bench

import (
	"math"

	"sensevoice/internal/audio"
)

// Clip makes a recording of that length for timing: two sweeps under a slow envelope, and noise from a linear congruential
// generator, rounded to 16 bits. It begins as testdata/tones.wav does.
func Clip(seconds float64) []float32 {
	samples := make([]float32, int(seconds*audio.SampleRate))
	state := uint32(1)
	for i := range samples {
		state = state*1664525 + 1013904223
		t := float64(i) / audio.SampleRate
		noise := float64(state)/(1<<31) - 1
		envelope := 0.5 - 0.5*math.Cos(2*math.Pi*1.25*t)
		sweeps := math.Sin(2*math.Pi*(150*t+40*t*t)) + 0.5*math.Sin(2*math.Pi*(2500*t-300*t*t))
		samples[i] = float32(math.RoundToEven(8000*envelope*sweeps+300*noise) / 32768)
	}
	return samples
}
