package wav

import (
	"io"
	"math"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// blockReader reads the samples of ADPCM.
type blockReader struct {
	src       *source.Reader
	info      audio.Info
	adpcm     *adpcm
	remaining int64 // bytes of sound
	frames    int64 // still to give
	block     []byte
	samples   []float32 // of a block
	pending   []float32 // those of samples that nobody has taken
	started   bool
}

// newADPCM reads size bytes of sound; negative: up to the end of the stream.
func newADPCM(src *source.Reader, info audio.Info, f format, size int64) *blockReader {
	a := f.adpcm
	b := &blockReader{
		src: src, info: info, adpcm: a, remaining: size, frames: math.MaxInt64,
		block: make([]byte, a.align), samples: make([]float32, a.blockFrames(a.align)*a.channels),
	}
	if size < 0 {
		b.remaining = math.MaxInt64
		return b
	}
	// The fact chunk tells how much of the last block is sound. Where it would take off more, its writer did not know.
	if all := a.frames(size); all-f.frames(size) < int64(a.blockFrames(a.align)) {
		b.frames = f.frames(size)
	}
	return b
}

func (b *blockReader) Info() audio.Info { return b.info }
func (b *blockReader) Damage() error    { return nil }

func (b *blockReader) Read(dst []float32) (int, error) {
	if len(dst) < b.adpcm.channels {
		return 0, io.ErrShortBuffer
	}
	for len(b.pending) == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(dst[:len(dst)/b.adpcm.channels*b.adpcm.channels], b.pending)
	b.pending = b.pending[n:]
	return n, nil
}

// next decodes a block, the last one as far as it goes.
func (b *blockReader) next() error {
	size, err := b.src.ReadFull(b.block[:min(int64(len(b.block)), b.remaining)])
	if err != nil && err != io.EOF {
		return err
	}
	b.remaining -= int64(size)
	frames := min(int64(b.adpcm.blockFrames(size)), b.frames)
	if frames == 0 {
		if !b.started {
			return fault(b.src.Offset(), "", "%w", audio.ErrNoSamples)
		}
		return io.EOF
	}
	b.started = true
	b.frames -= frames
	b.pending = b.samples[:int(frames)*b.adpcm.channels]
	b.adpcm.decode(b.pending, b.block[:size])
	return nil
}
