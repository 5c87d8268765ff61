// Package timeline keeps the clock of a recording that comes in packets: between a codec and its reader it leaves out what comes before
// the beginning, fills what is missing with silence and cuts off what comes after the end.
package timeline

import (
	"fmt"
	"io"
)

// maxSilence bounds what is filled in for one recording: a few bytes can claim a gap of years.
const maxSilence = 3600 // seconds

// Buffer holds what a codec gave and nobody has read.
type Buffer struct {
	channels int
	silence  int64     // moments that come before the samples
	samples  []float32 // interleaved
	rest     []float32 // what of samples is left
	skip     int64     // moments still to leave out
	filled   int64     // moments of silence so far
	limit    int64     // of filled
}

// NewBuffer makes a Buffer for samples at a rate.
func NewBuffer(rate, channels int) *Buffer {
	return &Buffer{channels: channels, limit: maxSilence * int64(rate)}
}

// Empty tells whether there is nothing to read.
func (b *Buffer) Empty() bool { return b.silence == 0 && len(b.rest) == 0 }

// Skip leaves out the next moments that are added.
func (b *Buffer) Skip(moments int64) { b.skip += moments }

// Space returns the memory for a codec to append to; what it returns goes to Add. The buffer must have been read empty, but for what
// was added since.
func (b *Buffer) Space() []float32 {
	if len(b.rest) == 0 {
		return b.samples[:0]
	}
	return b.samples
}

// Add takes the memory of Space back, with a codec's samples appended.
func (b *Buffer) Add(samples []float32) {
	old := 0
	if len(b.rest) > 0 {
		old = len(b.samples)
	}
	consumed := old - len(b.rest)
	b.samples = samples
	if drop := min(b.skip, int64((len(samples)-old)/b.channels)); drop > 0 {
		b.skip -= drop
		b.samples = append(samples[:old], samples[old+int(drop)*b.channels:]...)
	}
	b.rest = b.samples[consumed:]
}

// Fill puts silence before the samples that are there. It fails where a recording claims to have lost more than an hour.
func (b *Buffer) Fill(moments int64) error {
	if moments > b.limit-b.filled {
		return fmt.Errorf("the clock jumps: more than %d s are missing in all", maxSilence)
	}
	b.filled += moments
	b.silence += moments
	return nil
}

// Behead cuts off the beginning of what is there.
func (b *Buffer) Behead(moments int64) {
	b.rest = b.rest[b.within(moments):]
}

// Trim cuts off the end of what was added last.
func (b *Buffer) Trim(moments int64) {
	cut := b.within(moments)
	b.rest = b.rest[:len(b.rest)-cut]
	b.samples = b.samples[:len(b.samples)-cut]
}

// within is how many of the samples that are left so many moments are at most.
func (b *Buffer) within(moments int64) int {
	return int(max(0, min(moments, int64(len(b.rest)/b.channels)))) * b.channels
}

// Read takes whole moments; n is 0 where there are none.
func (b *Buffer) Read(dst []float32) (n int, err error) {
	if len(dst) < b.channels {
		return 0, io.ErrShortBuffer
	}
	dst = dst[:len(dst)/b.channels*b.channels]
	if b.silence > 0 {
		n = int(min(int64(len(dst)), b.silence*int64(b.channels)))
		clear(dst[:n])
		b.silence -= int64(n / b.channels)
		return n, nil
	}
	n = copy(dst, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}
