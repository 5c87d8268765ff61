// Package audio holds what all sound formats share: the sample rate of the models, the errors, and
// the recognition of a format by its first bytes. Each format has a folder of its own below.
//
// Samples are float32 between -1 and 1. Where a recording has several channels, its samples lie
// interleaved: one for each channel, then the next moment.
package audio

import (
	"errors"
	"fmt"
)

// SampleRate is what the models listen to, in samples per second.
const SampleRate = 16000

// ErrNoSamples is a recording that is well-formed and holds no sound at all.
var ErrNoSamples = errors.New("the recording holds no samples")

// FormatError is a fault in a sound file or stream.
type FormatError struct {
	Format string // what the sound was read as, such as "wav"
	Offset int64  // the byte where the fault lies
	Err    error  // the reason
	Hint   string // what the user can do about it; may be empty
}

func (e *FormatError) Error() string {
	text := fmt.Sprintf("%s: byte %d: %v", e.Format, e.Offset, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the reason alone.
func (e *FormatError) Unwrap() error { return e.Err }

// TooLongError is a recording with more sound than the caller takes.
type TooLongError struct {
	Limit int // samples of one channel at SampleRate
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the recording is longer than %.4g s", float64(e.Limit)/SampleRate)
}

// Mono writes the mean of all channels to dst, one sample for each moment of the interleaved samples,
// and returns the part of dst that it filled. dst may be the samples themselves.
func Mono(dst, samples []float32, channels int) []float32 {
	dst = dst[:len(samples)/channels]
	if channels == 1 {
		copy(dst, samples)
		return dst
	}
	for i := range dst {
		var sum float32
		for _, x := range samples[i*channels:][:channels] {
			sum += x
		}
		dst[i] = sum / float32(channels)
	}
	return dst
}
