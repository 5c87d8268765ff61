package decode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/resample"
	"sensevoice/internal/audio/source"
)

// loudest is beyond any sound; see package pcm.
const loudest = 1 << 16

// Stream yields the samples of one recording. It is not safe for use by several goroutines at once.
type Stream struct {
	ctx      context.Context
	src      *source.Reader
	decoder  audio.Decoder
	info     audio.Info
	rate     int
	channels Channels
	tracks   []track
	native   []float32 // what the decoder gave last
	limit    int64     // moments that may be given
	given    int64     // moments
	heard    bool      // whether the decoder gave any sample
	err      error     // what ended the stream, once the tracks are given out
	damage   error
}

// track is one channel of the output.
type track struct {
	resampler *resample.Resampler
	samples   []float32 // picked from native
	ready     []float32 // resampled
	rest      []float32 // what of ready nobody has taken
}

func newStream(ctx context.Context, src *source.Reader, d audio.Decoder, o Options) (*Stream, error) {
	info := d.Info()
	s := &Stream{ctx: ctx, src: src, decoder: d, info: info, rate: o.Rate, channels: o.Channels, limit: math.MaxInt64}
	if s.rate == 0 {
		s.rate = audio.SampleRate
	}
	count := 1
	switch o.Channels {
	case Mix, Left:
	case Right:
		if info.Channels < 2 {
			return nil, &audio.FormatError{Format: info.Name, Err: errors.New("there is one channel, so none on the right")}
		}
	case Each:
		count = info.Channels
	default:
		return nil, fmt.Errorf("unknown channel choice %v", o.Channels)
	}
	if info.Channels < 1 || info.Channels > audio.MaxChannels {
		return nil, &audio.FormatError{Format: info.Name, Err: fmt.Errorf("%d channels, want 1 to %d", info.Channels, audio.MaxChannels)}
	}
	for range count {
		r, err := resample.New(info.Rate, s.rate)
		if err != nil {
			return nil, &audio.FormatError{Format: info.Name, Err: err}
		}
		s.tracks = append(s.tracks, track{resampler: r})
	}
	if o.MaxDuration > 0 {
		s.limit = int64(math.Ceil(o.MaxDuration.Seconds() * float64(s.rate)))
		if info.Duration > o.MaxDuration+time.Second {
			return nil, s.tooLong()
		}
	}
	s.native = make([]float32, chunk(info, s.rate)*info.Channels)
	return s, nil
}

// chunk is how many moments are decoded at once: few of a recording whose low rate makes many of each.
func chunk(info audio.Info, rate int) int {
	const samples, resampled = 8192, 65536
	moments := max(128, samples/info.Channels)
	return max(1, min(moments, resampled*info.Rate/rate))
}

// Tracks returns how many samples there are for each moment: 1, or the number of channels under [Each].
func (s *Stream) Tracks() int { return len(s.tracks) }

// Format returns what the header says; its Duration is a claim.
func (s *Stream) Format() audio.Info { return s.info }

// Position is how many bytes of the recording have been read, for a progress bar. It may be called from another goroutine.
func (s *Stream) Position() int64 { return s.src.Arrived() }

// Damage returns, after io.EOF, what made the sound end early or was patched, or nil. What came before has been delivered.
func (s *Stream) Damage() error { return s.damage }

// Close ends what the decoder has started. It does not close the reader that Open was given.
func (s *Stream) Close() error {
	if s.err == nil {
		s.err = errors.New("the stream is closed")
	}
	return closeDecoder(s.decoder)
}

// Read reads samples into dst, interleaved where there are several tracks and whole moments only, and returns how many. They are
// finite, and between -1 and 1 but for what a filter or a loud file of floating point adds. At the end n is 0 and err is io.EOF.
//
// Errors are an *audio.FormatError where not a single sample could be read (audio.ErrNoSamples if there was none), an
// *audio.TooLongError, an *audio.TooLargeError, the cause of the context's end, or that of the reader.
func (s *Stream) Read(dst []float32) (n int, err error) {
	moments := len(dst) / len(s.tracks)
	if moments == 0 {
		return 0, io.ErrShortBuffer
	}
	for len(s.tracks[0].rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		if s.ctx.Err() != nil {
			return 0, context.Cause(s.ctx)
		}
		s.fill()
	}
	moments = min(moments, len(s.tracks[0].rest))
	if s.given += int64(moments); s.given > s.limit {
		s.err = s.tooLong()
		s.drop()
		return 0, s.err
	}
	for t := range s.tracks {
		rest := &s.tracks[t].rest
		if len(s.tracks) == 1 {
			copy(dst, (*rest)[:moments])
		} else {
			for i, x := range (*rest)[:moments] {
				dst[i*len(s.tracks)+t] = x
			}
		}
		*rest = (*rest)[moments:]
	}
	return moments * len(s.tracks), nil
}

func (s *Stream) tooLong() error {
	return &audio.TooLongError{Limit: int(min(s.limit*audio.SampleRate/int64(s.rate), math.MaxInt32))}
}

func (s *Stream) drop() {
	for t := range s.tracks {
		s.tracks[t].rest = nil
	}
}

// fill takes one chunk from the decoder, or its end.
func (s *Stream) fill() {
	n, err := s.decoder.Read(s.native)
	if err == nil {
		err = s.check(s.native[:n])
	}
	if err != nil {
		s.finish(err)
		return
	}
	s.heard = s.heard || n > 0
	for t := range s.tracks {
		tr := &s.tracks[t]
		tr.samples = s.pick(tr.samples[:0], s.native[:n], t)
		tr.ready = tr.resampler.Write(tr.ready[:0], tr.samples)
		tr.rest = tr.ready
	}
}

// pick appends what a track hears of the interleaved samples.
func (s *Stream) pick(dst, samples []float32, track int) []float32 {
	channels := s.info.Channels
	if s.channels == Mix {
		if cap(dst) < len(samples)/channels {
			dst = make([]float32, len(samples)/channels)
		}
		return audio.Mono(dst[:cap(dst)], samples, channels)
	}
	if s.channels == Right {
		track = 1
	}
	for i := track; i < len(samples); i += channels {
		dst = append(dst, samples[i])
	}
	return dst
}

// check refuses what cannot be sound: a decoder that is fed nonsense may compute NaN.
func (s *Stream) check(samples []float32) error {
	for _, x := range samples {
		if !(x >= -loudest && x <= loudest) {
			return &audio.FormatError{Format: s.info.Name, Offset: s.src.Offset(), Err: fmt.Errorf("a sample is %v, want a number between -1 and 1", x)}
		}
	}
	return nil
}

// finish ends the sound. A fault of the file, unlike one of the stream, leaves what came before.
func (s *Stream) finish(err error) {
	s.err, s.damage = err, s.decoder.Damage()
	if failure := s.src.Failure(); failure != nil {
		s.err = failure
		return
	}
	if !s.heard {
		if err == io.EOF {
			s.err = &audio.FormatError{Format: s.info.Name, Offset: s.src.Offset(), Err: audio.ErrNoSamples}
		}
		if err == io.EOF && s.damage != nil {
			s.err = s.damage
		}
		return
	}
	if err != io.EOF {
		s.damage, s.err = err, io.EOF
	}
	for t := range s.tracks {
		tr := &s.tracks[t]
		tr.ready = tr.resampler.Flush(tr.ready[:0])
		tr.rest = tr.ready
	}
}
