// Package source is where the readers of all formats get their bytes from: a stream that is counted, bounded, ended
// by a context, and able to give back what a reader took before it found that the format is not its own.
package source

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"sync/atomic"

	"sensevoice/internal/audio"
)

// bufferSize is what Peek can look at.
const bufferSize = 64 << 10

// Reader reads a stream and never goes back in it.
type Reader struct {
	stream *bounded
	r      *bufio.Reader // of stream
	offset int64
	kept   []byte
	keep   int // how many more bytes to keep; negative: too many came, or keeping has ended
}

// New reads r, at most limit bytes of it if limit is positive: what lies beyond is an *audio.TooLargeError. Before each
// read of r it looks at ctx; a read that waits is the caller's to end, by closing r.
func New(ctx context.Context, r io.Reader, limit int64) *Reader {
	stream := &bounded{ctx: ctx, r: r, limit: limit}
	return &Reader{stream: stream, r: bufio.NewReaderSize(stream, bufferSize), keep: -1}
}

// Offset is how many bytes have been taken.
func (s *Reader) Offset() int64 { return s.offset }

// Failure is what ended the stream other than its end: a connection that broke, a limit that was passed, the end of the
// context. It is nil while none did. Decoders wrap or replace the errors that they meet; this one is as it was.
func (s *Reader) Failure() error {
	if failure := s.stream.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// Arrived is how many bytes have come from the stream, whoever takes them. It may be called from another goroutine.
func (s *Reader) Arrived() int64 { return s.stream.given.Load() }

// Peek returns the next n bytes, at most 64 KiB, without taking them. It returns fewer with io.EOF where the stream
// ends, or with the stream's error.
func (s *Reader) Peek(n int) ([]byte, error) { return s.r.Peek(n) }

// Read takes what is there, waiting for at least one byte.
func (s *Reader) Read(p []byte) (n int, err error) {
	n, err = s.r.Read(p)
	s.took(p[:n])
	return n, err
}

// ReadByte takes one byte.
func (s *Reader) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.took([]byte{b})
	}
	return b, err
}

// ReadAtLeast takes bytes until p holds the given number, or more if they are there without waiting. The error is io.EOF
// where the stream ended before. Unlike io.ReadAtLeast it gives no io.ErrUnexpectedEOF of its own: that is what a
// connection says when it broke.
func (s *Reader) ReadAtLeast(p []byte, least int) (n int, err error) {
	const patience = 100 // reads of nothing in a row, as in bufio
	empty := 0
	for n < least && err == nil {
		var got int
		got, err = s.Read(p[n:])
		n += got
		if got > 0 {
			empty = 0
		} else if empty++; empty == patience && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n >= least {
		err = nil // it will come again
	}
	return n, err
}

// ReadFull fills p, or returns the error of ReadAtLeast.
func (s *Reader) ReadFull(p []byte) (n int, err error) { return s.ReadAtLeast(p, len(p)) }

// Skip passes over n bytes. The error is io.EOF where the stream ended before.
func (s *Reader) Skip(n int64) error {
	for n > 0 {
		part := int(min(n, bufferSize))
		if s.keep >= 0 {
			head, _ := s.r.Peek(part)
			s.took(head)
			s.offset -= int64(len(head))
		}
		skipped, err := s.r.Discard(part)
		s.offset += int64(skipped)
		n -= int64(skipped)
		if err != nil {
			return err
		}
	}
	return nil
}

// Keep begins to keep what is taken, up to limit bytes, for Again.
func (s *Reader) Keep(limit int) { s.keep, s.kept = limit, nil }

// Forget ends keeping.
func (s *Reader) Forget() { s.keep, s.kept = -1, nil }

// Again returns a stream of all that was taken since Keep and of what follows, or false where that was more than the limit.
// The Reader itself is used up.
func (s *Reader) Again() (io.Reader, bool) {
	if s.keep < 0 {
		return nil, false
	}
	return io.MultiReader(bytes.NewReader(s.kept), s.r), true
}

func (s *Reader) took(p []byte) {
	s.offset += int64(len(p))
	switch {
	case s.keep < 0:
	case len(p) > s.keep:
		s.Forget()
	default:
		s.kept = append(s.kept, p...)
		s.keep -= len(p)
	}
}

// bounded ends a stream with an error when the context is done or the limit passed.
type bounded struct {
	ctx     context.Context
	r       io.Reader
	limit   int64 // 0: none
	given   atomic.Int64
	failure atomic.Pointer[error]
}

func (b *bounded) Read(p []byte) (n int, err error) {
	if failure := b.failure.Load(); failure != nil {
		return 0, *failure
	}
	if n, err = b.read(p); err != nil && err != io.EOF {
		b.failure.Store(&err)
	}
	return n, err
}

func (b *bounded) read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	if b.limit > 0 {
		p = p[:min(int64(len(p)), b.limit-b.given.Load()+1)]
	}
	n, err := b.r.Read(p)
	if given := b.given.Add(int64(n)); b.limit > 0 && given > b.limit {
		return n - 1, &audio.TooLargeError{Limit: b.limit}
	}
	return n, err
}
