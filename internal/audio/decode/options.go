package decode

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/pcm"
)

// Options is what a caller may choose.
type Options struct {
	Raw         *RawFormat    // what headerless samples are; nil: recognise the format by its content
	Channels    Channels      // what of several channels is heard
	MaxDuration time.Duration // of sound, 0: no limit; a longer recording is an *audio.TooLongError
	MaxBytes    int64         // of input, 0: no limit; a larger recording is an *audio.TooLargeError
	FFmpeg      string        // the program for formats that are not read here; "": ffmpeg of PATH; "none": never
	Rate        int           // samples in a second to give, 0: audio.SampleRate
}

// Channels chooses what of a recording with several channels is heard.
type Channels int

// The choices.
const (
	Mix   Channels = iota // the mean of all channels
	Left                  // the first
	Right                 // the second
	Each                  // every channel on its own, as a track
)

var channelNames = []string{Mix: "mix", Left: "left", Right: "right", Each: "each"}

func (c Channels) String() string {
	if c < 0 || int(c) >= len(channelNames) {
		return fmt.Sprintf("Channels(%d)", int(c))
	}
	return channelNames[c]
}

// ParseChannels reads the name of a choice.
func ParseChannels(s string) (Channels, error) {
	for c, name := range channelNames {
		if strings.EqualFold(s, name) {
			return Channels(c), nil
		}
	}
	return 0, fmt.Errorf("unknown channel choice %q, want one of %s", s, strings.Join(channelNames, ", "))
}

// RawFormat is the form of headerless samples.
type RawFormat struct {
	Coding   pcm.Coding
	Rate     int // samples of one channel in a second
	Channels int
}

func (f *RawFormat) String() string {
	return fmt.Sprintf("%s:%d:%d", f.Coding.Name, f.Rate, f.Channels)
}

// check refuses a form that nothing has.
func (f *RawFormat) check() error {
	if f.Coding.Size == 0 || f.Rate < 1 || f.Rate > audio.MaxRate || f.Channels < 1 || f.Channels > audio.MaxChannels {
		return &audio.FormatError{Format: "raw", Err: fmt.Errorf("%v: want a coding, a rate up to %d Hz and up to %d channels", f, audio.MaxRate, audio.MaxChannels)}
	}
	return nil
}

// ParseRaw reads the form of headerless samples: coding, rate and, where there is more than one, channels, as in "s16le:8000"
// and "f32le:44100:2".
func ParseRaw(s string) (*RawFormat, error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("raw format %q, want coding:rate or coding:rate:channels, such as s16le:8000", s)
	}
	coding, ok := pcm.Named(strings.ToLower(parts[0]))
	if !ok {
		return nil, fmt.Errorf("raw format %q: unknown coding %q, want one of %s", s, parts[0], strings.Join(pcm.Names(), ", "))
	}
	f := &RawFormat{Coding: coding, Channels: 1}
	var err error
	if f.Rate, err = number(parts[1], audio.MaxRate); err != nil {
		return nil, fmt.Errorf("raw format %q: rate %w", s, err)
	}
	if len(parts) == 3 {
		if f.Channels, err = number(parts[2], audio.MaxChannels); err != nil {
			return nil, fmt.Errorf("raw format %q: channels %w", s, err)
		}
	}
	return f, nil
}

func number(s string, limit int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > limit {
		return 0, fmt.Errorf("%q, want a number from 1 to %d", s, limit)
	}
	return n, nil
}
