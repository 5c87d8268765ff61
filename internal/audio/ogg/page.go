package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

const (
	headSize = 27 // bytes of a page before its table of segments

	flagContinued = 1 // the first segment goes on with a packet of the page before
	flagFirst     = 2 // of a logical stream
	flagLast      = 4

	// patience is how many bytes may be summed or passed over in search of a page that is whole. A file made of beginnings of
	// pages would otherwise be summed again from every fourth byte.
	patience = 64 << 20
)

// rawPage is a page as it lies in the file; its slices are good until the next is read.
type rawPage struct {
	offset   int64
	flags    byte
	granule  int64
	serial   uint32
	sequence uint32
	segments []byte // lengths
	body     []byte
}

// pages reads pages whose checksum is right (RFC 3533) and passes over everything else.
type pages struct {
	src    *source.Reader
	size   int // of the page that was given last, still to be taken from src
	spent  int
	damage error // the first that was passed over
}

var errPatience = errors.New("too much of the file is damaged")

// next returns io.EOF at the end of the stream; a page that is cut off there is damage.
func (p *pages) next() (rawPage, error) {
	if err := p.src.Skip(int64(p.size)); err != nil {
		return rawPage{}, err
	}
	p.size = 0
	for {
		page, size, err := p.peek()
		if err != nil {
			return rawPage{}, err
		}
		if size > 0 {
			p.size = size
			return page, nil
		}
		if err := p.resync(); err != nil {
			return rawPage{}, err
		}
	}
}

// peek looks at a page without taking it. The size is 0 where there is none or its checksum is wrong.
func (p *pages) peek() (page rawPage, size int, err error) {
	head, err := p.src.Peek(headSize)
	switch {
	case err == nil || err == io.EOF && len(head) > 0:
	default:
		return rawPage{}, 0, err
	}
	if !bytes.HasPrefix(head, capture[:min(len(head), len(capture))]) || len(head) == headSize && head[4] != 0 {
		return rawPage{}, 0, nil
	}
	if len(head) == headSize {
		count := int(head[26])
		if head, err = p.src.Peek(headSize + count); len(head) == headSize+count {
			size = len(head)
			for _, length := range head[headSize:] {
				size += int(length)
			}
			if head, err = p.src.Peek(size); len(head) == size {
				return p.check(head, count)
			}
		}
	}
	if err != io.EOF {
		return rawPage{}, 0, err
	}
	p.note("the file ends inside a page")
	return rawPage{}, 0, io.EOF
}

var capture = []byte("OggS")

func (p *pages) check(data []byte, count int) (rawPage, int, error) {
	le := binary.LittleEndian
	if checksum(data) != le.Uint32(data[22:]) {
		p.spent += len(data)
		return rawPage{}, 0, nil
	}
	return rawPage{
		offset: p.src.Offset(), flags: data[5], granule: int64(le.Uint64(data[6:])), serial: le.Uint32(data[14:]),
		sequence: le.Uint32(data[18:]), segments: data[headSize:][:count], body: data[headSize+count:],
	}, len(data), nil
}

// resync goes to the next place where a page may begin.
func (p *pages) resync() error {
	p.note("a page is damaged")
	skip := int64(1)
	for p.spent < patience {
		if err := p.src.Skip(skip); err != nil {
			return err
		}
		const window = 4 << 10
		part, err := p.src.Peek(window)
		if i := bytes.Index(part, capture); i >= 0 {
			return p.src.Skip(int64(i))
		}
		if err != nil {
			return err
		}
		skip = int64(len(part) - len(capture) + 1)
		p.spent += len(part)
	}
	return p.fault(errPatience)
}

func (p *pages) note(format string, args ...any) {
	if p.damage == nil {
		p.damage = p.fault(fmt.Errorf(format, args...))
	}
}

func (p *pages) fault(err error) error {
	return &audio.FormatError{Format: "Ogg", Offset: p.src.Offset(), Err: err}
}

// crcTable is of the polynomial 0x04c11db7, the highest bit first.
var crcTable = func() (table [256]uint32) {
	for i := range table {
		crc := uint32(i) << 24
		for range 8 {
			if crc>>31 == 1 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

// checksum is that of a page, whose own field for it counts as zeros.
func checksum(page []byte) uint32 {
	var crc uint32
	for i, b := range page {
		if i >= 22 && i < 26 {
			b = 0
		}
		crc = crc<<8 ^ crcTable[byte(crc>>24)^b]
	}
	return crc
}
