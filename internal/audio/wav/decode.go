package wav

import (
	"context"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// Decode reads a whole stream, mixed down to the mean of its channels. Its rate must be audio.SampleRate.
//
// It reads little more than limit samples of each channel and holds no more of the sound than that: a
// longer recording is an *audio.TooLongError. The other errors are those of NewReader and Reader.Read.
func Decode(r io.Reader, limit int) ([]float32, error) {
	reader, err := NewReader(source.New(context.Background(), r, 0))
	if err != nil {
		return nil, err
	}
	info := reader.Info()
	if info.Rate != audio.SampleRate {
		return nil, fault(0, "", "the sample rate is %d Hz, want %d", info.Rate, audio.SampleRate)
	}
	var samples []float32
	part := make([]float32, 4096*info.Channels)
	for {
		n, err := reader.Read(part)
		if err == io.EOF {
			return samples, nil
		}
		if err != nil {
			return nil, err
		}
		mono := audio.Mono(part, part[:n], info.Channels)
		if len(samples)+len(mono) > limit {
			return nil, &audio.TooLongError{Limit: limit}
		}
		samples = append(samples, mono...)
	}
}
