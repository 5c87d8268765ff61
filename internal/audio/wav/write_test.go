package wav_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
)

func TestWriteRoundTrip(t *testing.T) {
	var every []float32
	for step := math.MinInt16; step <= math.MaxInt16; step++ {
		every = append(every, float32(step)/32768)
	}
	var file bytes.Buffer
	if err := wav.Write(&file, audio.SampleRate, every); err != nil {
		t.Fatal(err)
	}
	got, err := wav.Decode(&file, len(every))
	if err != nil || !slices.Equal(got, every) {
		t.Errorf("not all steps of 16 bits come back: %v", err)
	}
}

func TestWriteClipsAndRounds(t *testing.T) {
	inf := float32(math.Inf(1))
	var file bytes.Buffer
	if err := wav.Write(&file, audio.SampleRate, []float32{1, 2, inf, -inf, 0.6 / 32768, 0.4 / 32768}); err != nil {
		t.Fatal(err)
	}
	const top = 32767.0 / 32768
	got, err := wav.Decode(&file, 6)
	if want := []float32{top, top, top, -1, 1.0 / 32768, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestWriteRefuses(t *testing.T) {
	broken := errors.New("disk full")
	tests := []struct {
		name    string
		rate    int
		samples []float32
		want    string
	}{
		{"no rate", 0, nil, "wav: a sample rate of 0 Hz, want 1 to 768000"},
		{"NaN", 16000, []float32{0, float32(math.NaN())}, "wav: sample 1 is NaN"},
		{"full disk", 16000, make([]float32, 10), broken.Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := wav.Write(failing{broken}, test.rate, test.samples)
			if err == nil || err.Error() != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
