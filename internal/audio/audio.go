// Package audio holds what all sound formats share: the sample rate of the models, the errors, and
// the recognition of a format by its first bytes. Each format has a folder of its own below.
//
// Samples are float32 between -1 and 1. Where a recording has several channels, its samples lie
// interleaved: one for each channel, then the next moment.
package audio

import (
	"errors"
	"fmt"
	"time"
)

// SampleRate is what the models listen to, in samples per second.
const SampleRate = 16000

// ErrNoSamples is a recording that is well-formed and holds no sound at all.
var ErrNoSamples = errors.New("the recording holds no samples")

// ErrUnsupported is sound in a form that is not read here, though another program may read it.
var ErrUnsupported = errors.New("not supported")

// Limits of what is believed of any recording.
const (
	MaxRate     = 768_000 // samples of one channel in a second
	MaxChannels = 64
)

// Info is what a recording's header says.
type Info struct {
	Name     string        // of the format, fit for a message: "FLAC", "Opus in Ogg"
	Rate     int           // samples of one channel in a second, as stored
	Channels int           // as stored
	Duration time.Duration // 0 where the header does not tell; a claim, not yet a fact
}

// Decoder yields the samples of one recording as they are stored, at their own rate.
type Decoder interface {
	Info() Info

	// Read reads interleaved samples into dst, whole moments of one sample for each channel, and returns how
	// many; dst has room for MaxChannels. Of a stream that is still being written it returns what has arrived,
	// and it may return none without an error when what has arrived is too little. At the end err is io.EOF and
	// n is 0; any other error ends the sound too.
	Read(dst []float32) (n int, err error)

	// Damage is what was patched or passed over up to here, such as packets that are missing; nil for a sound recording.
	Damage() error
}

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

// TooLargeError is a recording with more bytes than the caller takes.
type TooLargeError struct {
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the recording is larger than %d bytes", e.Limit)
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
