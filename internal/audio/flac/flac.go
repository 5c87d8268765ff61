// Package flac reads FLAC sound from a stream.
//
// The frames are decoded by mewkiz/flac, which stops at the first checksum that is wrong.
package flac

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// maxBits is the deepest sample whose sums and differences fit the library's 32 bits.
const maxBits = 24

// Reader reads the samples of a FLAC stream. It is an [audio.Decoder].
type Reader struct {
	src     *source.Reader
	stream  *flac.Stream
	info    audio.Info
	bits    uint8 // of a sample
	claimed int64 // moments by the header; 0: it does not say
	given   int64
	frame   *frame.Frame
	next    int // moment of frame
	damage  error
}

// NewReader reads the header of a FLAC stream, up to the first frame.
func NewReader(src *source.Reader) (*Reader, error) {
	stream, err := flac.New(src)
	if err != nil {
		return nil, fault(src, err)
	}
	header := stream.Info
	r := &Reader{
		src: src, stream: stream, bits: header.BitsPerSample, claimed: int64(header.NSamples),
		info: audio.Info{Name: "FLAC", Rate: int(header.SampleRate), Channels: int(header.NChannels)},
	}
	if r.bits > maxBits {
		return nil, fault(src, fmt.Errorf("samples of %d bits are %w", r.bits, audio.ErrUnsupported))
	}
	r.info.Duration = time.Duration(float64(r.claimed) / float64(r.info.Rate) * float64(time.Second))
	return r, nil
}

// Info returns what the header says.
func (r *Reader) Info() audio.Info { return r.info }

// Damage tells of a stream that ends before its header says.
func (r *Reader) Damage() error { return r.damage }

// Read implements [audio.Decoder].
func (r *Reader) Read(dst []float32) (int, error) {
	channels := r.info.Channels
	if len(dst) < channels {
		return 0, io.ErrShortBuffer
	}
	for r.frame == nil || r.next == int(r.frame.BlockSize) {
		if err := r.nextFrame(); err != nil {
			return 0, err
		}
	}
	moments := min(len(dst)/channels, int(r.frame.BlockSize)-r.next)
	scale := 1 / float32(int32(1)<<(r.bits-1))
	for ch, sub := range r.frame.Subframes {
		for i, x := range sub.Samples[r.next:][:moments] {
			dst[i*channels+ch] = float32(x) * scale
		}
	}
	r.next += moments
	r.given += int64(moments)
	return moments * channels, nil
}

func (r *Reader) nextFrame() error {
	r.frame, r.next = nil, 0
	f, err := r.stream.Next()
	if err == io.EOF {
		if r.given < r.claimed {
			r.damage = fault(r.src, fmt.Errorf("the file ends after %d of %d samples", r.given, r.claimed))
		}
		return io.EOF
	}
	if err != nil {
		return fault(r.src, err)
	}
	if f.BitsPerSample == 0 { // the library leaves it at that
		f.BitsPerSample = r.bits
	}
	rate := f.SampleRate != 0 && int(f.SampleRate) != r.info.Rate
	if rate || f.Channels.Count() != r.info.Channels || f.BitsPerSample != r.bits {
		return fault(r.src, errors.New("a frame has another rate, depth or number of channels than the file"))
	}
	if err := f.Parse(); err != nil {
		return fault(r.src, err)
	}
	r.frame = f
	return nil
}

// fault places an error of the library, which has read some way ahead.
func fault(src *source.Reader, err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the file ends too early: %w", io.ErrUnexpectedEOF)
	}
	return &audio.FormatError{Format: "FLAC", Offset: src.Offset(), Err: err}
}
