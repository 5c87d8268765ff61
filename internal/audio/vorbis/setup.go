package vorbis

import (
	"errors"
	"fmt"
	mathbits "math/bits"
)

// codebook is what of a codebook the rest of a setup header refers to.
type codebook struct {
	dimensions int
	values     bool // whether it has vectors
}

// setup checks a setup header before the library believes it: the library allocates what is claimed, indexes by what it reads, and
// walks code trees that may not end. The layout is that of Vorbis I, section 4.2.4.
type setup struct {
	bits
	channels int
	books    []codebook
	values   int
	floors   int
	residues int
	mappings int
}

var errSetup = errors.New("the setup header is malformed")

func checkSetup(data []byte, channels int) error {
	s := &setup{bits: bits{data: data}, channels: channels}
	for _, part := range []func() error{s.codebooks, s.transforms, s.allFloors, s.allResidues, s.allMappings, s.modes} {
		if err := part(); err != nil {
			return err
		}
		if s.past {
			return fmt.Errorf("%w: it is cut off", errSetup)
		}
	}
	return nil
}

func (s *setup) transforms() error {
	for range s.read(6) + 1 {
		if s.read(16) != 0 {
			return errSetup
		}
	}
	return nil
}

// book checks the number of a codebook.
func (s *setup) book(number int, values bool) error {
	if number >= len(s.books) || values && !s.books[number].values {
		return fmt.Errorf("%w: codebook %d cannot be used so", errSetup, number)
	}
	return nil
}

func (s *setup) allFloors() error {
	s.floors = s.read(6) + 1
	for range s.floors {
		var err error
		switch s.read(16) {
		case 0:
			err = s.floor0()
		case 1:
			err = s.floor1()
		default:
			err = errSetup
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *setup) floor0() error {
	order, rate, size := s.read(8), s.read(16), s.read(16)
	bitsOfAmplitude := s.read(6)
	s.read(8)
	if order == 0 || rate == 0 || size == 0 || bitsOfAmplitude > 32 {
		return errSetup
	}
	for range s.read(4) + 1 {
		if err := s.book(s.read(8), true); err != nil {
			return err
		}
	}
	return nil
}

func (s *setup) floor1() error {
	classes := make([]int, s.read(5))
	largest := -1
	for i := range classes {
		classes[i] = s.read(4)
		largest = max(largest, classes[i])
	}
	if largest < 0 {
		return errSetup // the library takes one class at least, and then reads another layout
	}
	dimensions := make([]int, largest+1)
	for i := range dimensions {
		dimensions[i] = s.read(3) + 1
		subclasses := s.read(2)
		if subclasses > 0 {
			if err := s.book(s.read(8), false); err != nil {
				return err
			}
		}
		for range 1 << subclasses {
			if book := s.read(8) - 1; book >= 0 {
				if err := s.book(book, false); err != nil {
					return err
				}
			}
		}
	}
	s.read(2)
	width := s.read(4)
	for _, class := range classes {
		for range dimensions[class] {
			s.read(width)
		}
	}
	return nil
}

func (s *setup) allResidues() error {
	s.residues = s.read(6) + 1
	for range s.residues {
		if s.read(16) > 2 {
			return errSetup
		}
		s.read(24)
		s.read(24)
		s.read(24)
		cascades := make([]int, s.read(6)+1)
		if err := s.book(s.read(8), false); err != nil {
			return err
		}
		for i := range cascades {
			cascades[i] = s.read(3)
			if s.bool() {
				cascades[i] |= s.read(5) << 3
			}
		}
		for _, cascade := range cascades {
			for range mathbits.OnesCount(uint(cascade)) {
				if err := s.book(s.read(8), true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *setup) allMappings() error {
	s.mappings = s.read(6) + 1
	width := mathbits.Len(uint(s.channels - 1))
	for range s.mappings {
		if s.read(16) != 0 {
			return errSetup
		}
		submaps := 1
		if s.bool() {
			submaps = s.read(4) + 1
		}
		if s.bool() {
			for range s.read(8) + 1 {
				magnitude, angle := s.read(width), s.read(width)
				if magnitude == angle || magnitude >= s.channels || angle >= s.channels {
					return errSetup
				}
			}
		}
		if s.read(2) != 0 {
			return errSetup
		}
		if submaps > 1 {
			for range s.channels {
				if s.read(4) >= submaps {
					return errSetup
				}
			}
		}
		for range submaps {
			s.read(8)
			if floor, residue := s.read(8), s.read(8); floor >= s.floors || residue >= s.residues {
				return errSetup
			}
		}
	}
	return nil
}

func (s *setup) modes() error {
	for range s.read(6) + 1 {
		s.read(1)
		if s.read(32) != 0 || s.read(8) >= s.mappings { // window, transform, mapping
			return errSetup
		}
	}
	if !s.bool() {
		return errSetup
	}
	return nil
}
