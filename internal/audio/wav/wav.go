// Package wav reads WAV sound from a stream: integer and floating-point PCM, A-law, µ-law, IMA and Microsoft ADPCM, in
// RIFF and RF64 files.
//
// The header of a stream is often written before its length is known, so a data chunk ends where it
// says or where the stream ends, whichever is first. Everything else that contradicts itself is an
// *audio.FormatError. Memory does not depend on what a file claims: the reader holds one buffer.
package wav

import (
	"fmt"
	"io"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/pcm"
	"sensevoice/internal/audio/source"
)

// streamedSize is where sizes of data chunks begin that only writers into a pipe claim: sox writes 0x7ffff000, others
// the largest signed or unsigned number.
const streamedSize = 0x7ffff000

// Reader reads the samples of a WAV stream. It is an [audio.Decoder].
type Reader struct {
	src      *source.Reader
	format   format
	dataSize int64 // bytes of sound that the header claims; negative: it does not say
	samples  audio.Decoder
	start    int64 // where the sound begins
	damage   error
}

// NewReader reads the header of a WAV stream, up to the first sample.
//
// The error is an *audio.FormatError, with audio.ErrUnsupported as its reason for a codec that is not read here, or
// that of the stream.
func NewReader(src *source.Reader) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	r.start = src.Offset()
	info := r.Info()
	if r.format.adpcm != nil {
		r.samples = newADPCM(src, info, r.format, r.dataSize)
	} else {
		r.samples = pcm.NewReader(src, info, r.format.coding, r.dataSize)
	}
	return r, nil
}

// Info returns what the header says.
func (r *Reader) Info() audio.Info {
	info := audio.Info{Name: "WAV", Rate: r.format.rate, Channels: r.format.channels}
	if r.dataSize >= 0 {
		info.Duration = seconds(r.format.frames(r.dataSize), r.format.rate)
	}
	return info
}

// Read implements [audio.Decoder]. It fails with an *audio.FormatError if a sample is not a sound, or, with
// audio.ErrNoSamples as its reason, if there was no sample at all.
func (r *Reader) Read(dst []float32) (n int, err error) {
	n, err = r.samples.Read(dst)
	if err == io.EOF && r.dataSize > 0 {
		if missing := r.dataSize - (r.src.Offset() - r.start); missing >= int64(r.format.align) {
			r.damage = fault(r.src.Offset(), "", "the file ends %d bytes before its sound does", missing)
		}
	}
	return n, err
}

// Damage tells of a file that ends before its data chunk does.
func (r *Reader) Damage() error { return r.damage }

// seconds is the duration of frames; of impossibly many, none is known.
func seconds(frames int64, rate int) time.Duration {
	const century = 100 * 366 * 24 * 3600
	if frames/int64(rate) > century {
		return 0
	}
	return time.Duration(float64(frames) / float64(rate) * float64(time.Second))
}

func fault(offset int64, hint, format string, args ...any) error {
	return &audio.FormatError{Format: "WAV", Offset: offset, Err: fmt.Errorf(format, args...), Hint: hint}
}
