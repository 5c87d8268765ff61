package wav

import (
	"io"

	"sensevoice/internal/audio"
)

// Decode reads a whole stream, mixed down to the mean of its channels. Its rate must be audio.SampleRate.
//
// It reads little more than limit samples of each channel and holds no more of the sound than that: a
// longer recording is an *audio.TooLongError. The other errors are those of NewReader and Reader.Read.
func Decode(r io.Reader, limit int) ([]float32, error) {
	reader, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	format := reader.Format()
	if format.Rate != audio.SampleRate {
		return nil, fault(reader.formatAt+4, convertHint, "the sample rate is %d Hz, want %d", format.Rate, audio.SampleRate)
	}
	var samples []float32
	part := make([]float32, 4096*format.Channels)
	for {
		n, err := reader.Read(part)
		if err == io.EOF {
			return samples, nil
		}
		if err != nil {
			return nil, err
		}
		mono := audio.Mono(part, part[:n], format.Channels)
		if len(samples)+len(mono) > limit {
			return nil, &audio.TooLongError{Limit: limit}
		}
		samples = append(samples, mono...)
	}
}
