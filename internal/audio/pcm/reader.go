package pcm

import (
	"fmt"
	"io"
	"math"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// maxMagnitude is where floating-point samples stop being sound. Files of 16-bit integers stored as
// floating point do exist; they are far too loud, but not broken.
const maxMagnitude = 1 << 16

// Reader reads interleaved samples.
type Reader struct {
	src       *source.Reader
	info      audio.Info
	coding    Coding
	remaining int64  // bytes that are still to come, if the stream has them
	buffer    []byte // a whole number of frames
	started   bool   // at least one frame has been read
}

// NewReader reads size bytes of samples from src, or up to its end if that comes first; negative: up to its end.
// Channels lie between 1 and [audio.MaxChannels].
func NewReader(src *source.Reader, info audio.Info, coding Coding, size int64) *Reader {
	const bufferSize = 32 << 10
	if size < 0 {
		size = math.MaxInt64
	}
	frame := info.Channels * coding.Size
	return &Reader{src: src, info: info, coding: coding, remaining: size, buffer: make([]byte, bufferSize/frame*frame)}
}

// Info returns what is known of the samples.
func (r *Reader) Info() audio.Info { return r.info }

// Damage is nil: samples cannot be told from one another.
func (r *Reader) Damage() error { return nil }

// Remaining is how many bytes are still to come by the size that NewReader was given.
func (r *Reader) Remaining() int64 { return r.remaining }

// Read implements [audio.Decoder]. It fails with io.ErrShortBuffer where dst has no room for a frame, with an
// *audio.FormatError if a sample is not a sound, or, with audio.ErrNoSamples as its reason, if there was
// no sample at all.
func (r *Reader) Read(dst []float32) (n int, err error) {
	frame := r.info.Channels * r.coding.Size
	want := min(len(dst)/r.info.Channels*frame, len(r.buffer))
	if want == 0 {
		return 0, io.ErrShortBuffer
	}
	if want = int(min(int64(want), r.remaining/int64(frame)*int64(frame))); want == 0 {
		return 0, r.end()
	}
	start := r.src.Offset()
	size, err := r.src.ReadAtLeast(r.buffer[:want], frame)
	if rest := size % frame; err == nil && rest > 0 {
		var more int
		more, err = r.src.ReadAtLeast(r.buffer[size:size+frame-rest], frame-rest)
		size += more
	}
	size -= size % frame // a stream cut inside a frame
	r.remaining -= int64(size)
	if err == io.EOF && size == 0 {
		return 0, r.end()
	}
	if err != nil && err != io.EOF {
		return 0, err
	}
	r.started = true
	dst = dst[:size/r.coding.Size]
	r.coding.decode(dst, r.buffer[:size])
	return len(dst), r.check(dst, start)
}

func (r *Reader) end() error {
	if !r.started {
		return r.fault(r.src.Offset(), audio.ErrNoSamples)
	}
	return io.EOF
}

// check refuses what cannot be sound; only floating point can express it.
func (r *Reader) check(samples []float32, start int64) error {
	if !r.coding.Float {
		return nil
	}
	for i, x := range samples {
		if !(math.Abs(float64(x)) <= maxMagnitude) { // true for NaN as well
			return r.fault(start+int64(i*r.coding.Size), fmt.Errorf("a sample is %v, want a number between -1 and 1", x))
		}
	}
	return nil
}

func (r *Reader) fault(offset int64, err error) error {
	return &audio.FormatError{Format: r.info.Name, Offset: offset, Err: err}
}
