package speech

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/audio/pcm"
	"sensevoice/internal/audio/resample"
)

// PCM16 turns 16-bit little-endian samples of one channel, in pieces that may end inside of a sample, into samples for a [Stream].
type PCM16 struct {
	coding    pcm.Coding
	resampler *resample.Resampler
	half      []byte // the first byte of a sample, if the latest piece ended there
	sound     []float32
	out       []float32
}

// The sample rates that clients may send, in Hz.
const (
	MinRate = 4000
	MaxRate = 192000
)

// NewPCM16 makes a converter for a sample rate.
func NewPCM16(rate int) (*PCM16, error) {
	if rate < MinRate || rate > MaxRate {
		return nil, fmt.Errorf("a sample rate of %d Hz: must be %d to %d", rate, MinRate, MaxRate)
	}
	resampler, err := resample.New(rate, audio.SampleRate)
	return &PCM16{coding: pcm.Must("s16le"), resampler: resampler}, err
}

// Write converts a piece. The result is valid until the next call.
func (p *PCM16) Write(data []byte) []float32 {
	if len(p.half) > 0 && len(data) > 0 {
		p.half = append(p.half, data[0])
		data = data[1:]
	}
	p.sound = p.sound[:0]
	if len(p.half) == 2 {
		p.convert(p.half)
		p.half = p.half[:0]
	}
	p.convert(data[:len(data)/2*2])
	if len(data)%2 == 1 {
		p.half = append(p.half, data[len(data)-1])
	}
	p.out = p.resampler.Write(p.out[:0], p.sound)
	return p.out
}

func (p *PCM16) convert(data []byte) {
	start := len(p.sound)
	p.sound = append(p.sound, make([]float32, len(data)/2)...)
	p.coding.Decode(p.sound[start:], data)
}

// Flush returns the samples that were still to come, and forgets half a sample. The converter is then as new.
func (p *PCM16) Flush() []float32 {
	p.half = p.half[:0]
	p.out = p.resampler.Flush(p.out[:0])
	return p.out
}

// Pieces is a reader of bytes that come piece by piece: Next returns the next piece, and io.EOF when there is none.
type Pieces struct {
	Next func() ([]byte, error)
	rest []byte
}

// Read implements io.Reader.
func (p *Pieces) Read(dst []byte) (int, error) {
	for len(p.rest) == 0 {
		piece, err := p.Next()
		if err != nil {
			return 0, err
		}
		p.rest = piece
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// step is how many samples are decoded at once: few enough that a live stream is heard as it comes.
const step = audio.SampleRate / 20

// Decode hands the samples of an encoded stream to use, as they come. A stream whose end is damaged is decoded up to there;
// damage is nil otherwise. Without any sound, err is why.
func Decode(ctx context.Context, r io.Reader, o decode.Options, use func([]float32) error) (damage, err error) {
	s, err := decode.Open(ctx, r, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	samples := make([]float32, step)
	for {
		n, err := s.Read(samples)
		if n > 0 {
			if err := use(samples[:n]); err != nil {
				return nil, err
			}
		}
		if err == io.EOF {
			return s.Damage(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
