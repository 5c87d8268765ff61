package decode

import (
	"fmt"
	"io"
	"runtime/debug"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// guarded is a decoder whose panics are errors: libraries index what a file tells them to.
type guarded struct {
	audio.Decoder
	src *source.Reader
}

func guardOpen(name string, src *source.Reader, open func(*source.Reader) (audio.Decoder, error)) (d audio.Decoder, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			d, err = nil, panicked(name, src, reason)
		}
		if failure := src.Failure(); failure != nil && err != nil {
			err = failure
		}
	}()
	if d, err = open(src); err != nil {
		return nil, err
	}
	return guarded{d, src}, nil
}

func (g guarded) Read(dst []float32) (n int, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			n, err = 0, panicked(g.Info().Name, g.src, reason)
		}
	}()
	return g.Decoder.Read(dst)
}

// panicked is the fault of a file that a decoder gave up on. An exhausted memory is no fault of a file and cannot be recovered.
func panicked(name string, src *source.Reader, reason any) error {
	return &audio.FormatError{Format: name, Offset: src.Offset(), Err: &panicError{reason, debug.Stack()}}
}

// panicError is what a decoder panicked with; the stack is for whoever looks into the decoder.
type panicError struct {
	reason any
	stack  []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("the decoder gave up: %v", e.reason) }

func closeDecoder(d audio.Decoder) error {
	if c, ok := d.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
