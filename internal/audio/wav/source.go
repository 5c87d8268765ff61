package wav

import (
	"bufio"
	"io"
)

// source counts the bytes that it gives.
type source struct {
	r      *bufio.Reader
	offset int64
}

// readAtLeast reads until p holds the given number of bytes, or more if they are there without
// waiting. The error is io.EOF where the stream ended before. Unlike io.ReadAtLeast it gives no
// io.ErrUnexpectedEOF of its own: that is what a connection says when it broke.
func (s *source) readAtLeast(p []byte, least int) (n int, err error) {
	const patience = 100 // reads of nothing in a row, as in bufio
	empty := 0
	for n < least && err == nil {
		var got int
		got, err = s.r.Read(p[n:])
		n += got
		if got > 0 {
			empty = 0
		} else if empty++; empty == patience && err == nil {
			err = io.ErrNoProgress
		}
	}
	s.offset += int64(n)
	if n >= least {
		err = nil // it will come again
	}
	return n, err
}

// readFull fills p, or returns the error of readAtLeast.
func (s *source) readFull(p []byte) (n int, err error) { return s.readAtLeast(p, len(p)) }

// skip passes over n bytes. The error is io.EOF where the stream ended before.
func (s *source) skip(n int) error {
	skipped, err := s.r.Discard(n)
	s.offset += int64(skipped)
	return err
}
