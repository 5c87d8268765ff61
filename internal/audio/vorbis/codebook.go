package vorbis

import (
	"fmt"
	"math"
	mathbits "math/bits"

	"sensevoice/internal/audio"
)

// maxValues bounds the numbers that all codebooks of a file expand to: those of real encoders have some ten thousand.
const maxValues = 1 << 22

func (s *setup) codebooks() error {
	for range s.read(8) + 1 {
		book, err := s.codebook()
		if err != nil {
			return err
		}
		s.books = append(s.books, book)
	}
	return nil
}

func (s *setup) codebook() (codebook, error) {
	const pattern = 0x564342
	if s.read(24) != pattern {
		return codebook{}, fmt.Errorf("%w: no codebook where there should be one", errSetup)
	}
	book := codebook{dimensions: s.read(16)}
	entries := s.read(24)
	if s.values += entries * max(1, book.dimensions); book.dimensions == 0 || entries == 0 || s.values > maxValues {
		return codebook{}, fmt.Errorf("%w: a codebook of %d entries of %d numbers", errSetup, entries, book.dimensions)
	}
	if entries == 1 {
		return codebook{}, fmt.Errorf("a codebook of one entry is %w", audio.ErrUnsupported)
	}
	if err := s.codeLengths(entries); err != nil {
		return codebook{}, err
	}
	lookup := s.read(4)
	if lookup == 0 {
		return book, nil
	}
	if lookup > 2 {
		return codebook{}, errSetup
	}
	book.values = true
	s.read(32)
	s.read(32)
	width := s.read(4) + 1
	s.bool()
	count := entries * book.dimensions
	if lookup == 1 {
		count = int(math.Floor(math.Pow(float64(entries), 1/float64(book.dimensions))))
	}
	if count*width > s.left() {
		s.past = true
		return codebook{}, fmt.Errorf("%w: it is cut off", errSetup)
	}
	s.at += count * width
	return book, nil
}

// codeLengths checks that the codes of a codebook make a whole tree: each sequence of bits leads to one entry. A single code is one
// bit long, which is not looked at.
func (s *setup) codeLengths(entries int) error {
	const whole = 1 << 32
	used, codes := uint64(0), 0 // of the tree
	put := func(length, count int) {
		used += uint64(count) * (whole >> length)
		codes += count
	}
	if s.bool() {
		length := s.read(5) + 1
		for current := 0; current < entries && !s.past; length++ {
			count := s.read(mathbits.Len(uint(entries - current)))
			if current += count; current > entries || length > 32 {
				return fmt.Errorf("%w: code lengths for more entries than there are", errSetup)
			}
			put(length, count)
		}
	} else {
		sparse := s.bool()
		for range entries {
			if s.past {
				break
			}
			if !sparse || s.bool() {
				put(s.read(5)+1, 1)
			}
		}
	}
	if used != whole && (codes != 1 || used != whole/2) && !s.past {
		return fmt.Errorf("%w: the codes of a codebook are no whole tree", errSetup)
	}
	return nil
}
