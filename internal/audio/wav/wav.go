// Package wav reads WAV sound from a stream: integer and floating-point PCM, A-law and µ-law, in RIFF
// and RF64 files.
//
// The header of a stream is often written before its length is known, so a data chunk ends where it
// says or where the stream ends, whichever is first. Everything else that contradicts itself is an
// *audio.FormatError. Memory does not depend on what a file claims: the reader holds one buffer.
package wav

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"sensevoice/internal/audio"
)

// Encoding is how a sample is written.
type Encoding int

// The encodings that this package reads.
const (
	PCM   Encoding = iota + 1 // integers of 8 (unsigned), 16, 24 or 32 bits
	Float                     // IEEE floating point of 32 or 64 bits
	ALaw                      // ITU-T G.711 A-law, 8 bits
	MuLaw                     // ITU-T G.711 µ-law, 8 bits
)

func (e Encoding) String() string {
	switch e {
	case PCM:
		return "PCM"
	case Float:
		return "float"
	case ALaw:
		return "A-law"
	case MuLaw:
		return "µ-law"
	}
	return fmt.Sprintf("Encoding(%d)", int(e))
}

// Format is what a header says of the samples.
type Format struct {
	Rate     int // samples of one channel in a second, 1 to 768,000
	Channels int // 1 to 64
	Bits     int // bits of a sample
	Encoding Encoding
}

// frameSize is the number of bytes of one sample of every channel.
func (f Format) frameSize() int { return f.Channels * f.Bits / 8 }

// maxMagnitude is where floating-point samples stop being sound. Files of 16-bit integers stored as
// floating point do exist; they are far too loud, but not broken.
const maxMagnitude = 1 << 16

// Reader reads the samples of a WAV stream.
type Reader struct {
	source
	format    Format
	formatAt  int64 // where the body of the fmt chunk begins
	remaining int64 // bytes that the data chunk still has, if the stream does
	decode    decoder
	buffer    []byte // a whole number of frames
	started   bool   // at least one frame has been read
	err       error  // what ended the stream
}

// NewReader reads the header of a WAV stream, up to the first sample.
//
// The error is an *audio.FormatError, or that of r.
func NewReader(r io.Reader) (*Reader, error) {
	const bufferSize = 32 << 10
	w := &Reader{source: source{r: bufio.NewReader(r)}}
	if err := w.readHeader(); err != nil {
		return nil, err
	}
	w.decode = decoders[w.format.Encoding][w.format.Bits]
	frame := w.format.frameSize()
	w.buffer = make([]byte, bufferSize/frame*frame)
	return w, nil
}

// Format returns what the header says.
func (r *Reader) Format() Format { return r.format }

// Read reads interleaved samples into dst and returns how many: whole frames of one sample for each
// channel, so dst must have room for one. Integers are divided by the magnitude of their lowest value,
// so that samples lie in [-1, 1); floating-point samples are as they are. Of a stream that is still
// being written, Read returns what has arrived.
//
// At the end of the sound n is 0 and err is io.EOF. It is an *audio.FormatError if a sample is not
// a sound, or, with audio.ErrNoSamples as its reason, if there was no sample at all. Any other error is
// that of the stream. After an error, every further call returns it again.
func (r *Reader) Read(dst []float32) (n int, err error) {
	frame := r.format.frameSize()
	want := min(len(dst)/r.format.Channels*frame, len(r.buffer))
	if want == 0 {
		return 0, io.ErrShortBuffer
	}
	if r.err != nil {
		return 0, r.err
	}
	if n, err = r.readFrames(dst, want); err != nil {
		r.err = err
		return 0, err
	}
	return n, nil
}

// readFrames reads at most want bytes, a whole number of frames, and decodes them.
func (r *Reader) readFrames(dst []float32, want int) (int, error) {
	frame := r.format.frameSize()
	start := r.offset
	if want = int(min(int64(want), r.remaining/int64(frame)*int64(frame))); want == 0 {
		return 0, r.end()
	}
	size, err := r.readAtLeast(r.buffer[:want], frame)
	if rest := size % frame; err == nil && rest > 0 {
		var more int
		more, err = r.readAtLeast(r.buffer[size:size+frame-rest], frame-rest)
		size += more
	}
	size -= size % frame // a stream cut inside a frame
	r.remaining -= int64(size)
	switch {
	case err == io.EOF && size == 0:
		return 0, r.end()
	case err == io.EOF:
		r.remaining = 0
	case err != nil:
		return 0, err
	}
	r.started = true
	dst = dst[:size*8/r.format.Bits]
	r.decode(dst, r.buffer[:size])
	return len(dst), r.checkSamples(dst, start)
}

func (r *Reader) end() error {
	if !r.started {
		return fault(r.offset, "", "%w", audio.ErrNoSamples)
	}
	return io.EOF
}

// checkSamples refuses what cannot be sound; only floating point can express it.
func (r *Reader) checkSamples(samples []float32, start int64) error {
	if r.format.Encoding != Float {
		return nil
	}
	for i, x := range samples {
		if !(math.Abs(float64(x)) <= maxMagnitude) { // true for NaN as well
			at := start + int64(i*r.format.Bits/8)
			return fault(at, "", "a sample is %v, want a number between -1 and 1", x)
		}
	}
	return nil
}

func fault(offset int64, hint, format string, args ...any) error {
	return &audio.FormatError{Format: "wav", Offset: offset, Err: fmt.Errorf(format, args...), Hint: hint}
}
