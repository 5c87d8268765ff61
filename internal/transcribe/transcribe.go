package transcribe

import (
	"context"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcript"
)

// Samples recognises a whole recording of mono samples at [audio.SampleRate] as one segment. Load is how long it
// took to read, for the account.
func (r *Recognizer) Samples(ctx context.Context, file string, samples []float32, load time.Duration, o Options) (*transcript.Result, error) {
	start := time.Now()
	segments, times, err := r.Recognize(ctx, []Clip{{Samples: samples, Options: o}})
	if err != nil {
		return nil, err
	}
	length := time.Duration(len(samples)) * time.Second / audio.SampleRate
	timing := transcript.NewTiming(length, load, times.Feature, times.Encode, load+time.Since(start))
	return transcript.New(file, transcript.Seconds(length.Seconds()), segments, timing), nil
}
