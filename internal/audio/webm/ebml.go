package webm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"sensevoice/internal/audio/source"
)

// Identifiers of elements, from the Matroska schema (RFC 9559). Those not listed are passed over.
const (
	idEBML           = 0x1A45DFA3
	idSegment        = 0x18538067
	idInfo           = 0x1549A966
	idTimestampScale = 0x2AD7B1
	idDuration       = 0x4489
	idTracks         = 0x1654AE6B
	idTrackEntry     = 0xAE
	idTrackNumber    = 0xD7
	idTrackType      = 0x83
	idCodecID        = 0x86
	idCodecPrivate   = 0x63A2
	idEncodings      = 0x6D80
	idCluster        = 0x1F43B675
	idTimestamp      = 0xE7
	idSimpleBlock    = 0xA3
	idBlockGroup     = 0xA0
	idBlock          = 0xA1
	idDiscardPadding = 0x75A2
)

// unknownSize is that of an element whose writer did not know where it would end.
const unknownSize = math.MaxInt64

// element is the head of an element.
type element struct {
	id   uint32
	size int64 // of the body
	at   int64 // where the body begins
}

func (e element) end() int64 {
	if e.size == unknownSize {
		return unknownSize
	}
	return e.at + e.size
}

var errElement = errors.New("there is no element where there should be one")

// readElement takes the head of an element. The error is io.EOF where the stream ends before it, io.ErrUnexpectedEOF inside.
func readElement(src *source.Reader) (element, error) {
	first, err := src.ReadByte()
	if err != nil {
		return element{}, err
	}
	id, _, err := readNumber(src, first, 4)
	if err != nil {
		return element{}, inside(err)
	}
	if first, err = src.ReadByte(); err != nil {
		return element{}, inside(err)
	}
	size, length, err := readNumber(src, first, 8)
	if err != nil {
		return element{}, inside(err)
	}
	e := element{id: uint32(id), size: int64(size &^ (1 << (7 * length))), at: src.Offset()}
	if e.size == 1<<(7*length)-1 {
		e.size = unknownSize
	}
	if e.size != unknownSize && e.size > math.MaxInt64-e.at {
		return element{}, errElement
	}
	return e, nil
}

// readNumber takes the rest of a number of variable length, and keeps the bit that marks its length.
func readNumber(src *source.Reader, first byte, longest int) (value uint64, length int, err error) {
	length = bits.LeadingZeros8(first) + 1
	if length > longest {
		return 0, 0, errElement
	}
	value = uint64(first)
	for range length - 1 {
		b, err := src.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		value = value<<8 | uint64(b)
	}
	return value, length, nil
}

// inside is the error of a stream inside an element.
func inside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBody takes the body of an element.
func readBody(src *source.Reader, e element, limit int64) ([]byte, error) {
	if e.size > limit {
		return nil, fmt.Errorf("an element of %d bytes, want at most %d", e.size, limit)
	}
	body := make([]byte, e.size)
	if _, err := src.ReadFull(body); err != nil {
		return nil, inside(err)
	}
	return body, nil
}

// children calls visit for each element within a body.
func children(body []byte, visit func(id uint32, body []byte) error) error {
	for len(body) > 0 {
		id, n := number(body, 4)
		if n == 0 {
			return errElement
		}
		size, m := number(body[n:], 8)
		if m == 0 {
			return errElement
		}
		size &^= 1 << (7 * m)
		body = body[n+m:]
		if size > uint64(len(body)) {
			return errElement
		}
		if err := visit(uint32(id), body[:size]); err != nil {
			return err
		}
		body = body[size:]
	}
	return nil
}

// number reads a number of variable length with its mark; its length is 0 where there is none.
func number(data []byte, longest int) (value uint64, length int) {
	if len(data) == 0 {
		return 0, 0
	}
	length = bits.LeadingZeros8(data[0]) + 1
	if length > longest || length > len(data) {
		return 0, 0
	}
	for _, b := range data[:length] {
		value = value<<8 | uint64(b)
	}
	return value, length
}

// unsigned reads a body as a number.
func unsigned(body []byte) (value uint64) {
	for _, b := range body[:min(8, len(body))] {
		value = value<<8 | uint64(b)
	}
	return value
}

// signed reads a body as a number with a sign.
func signed(body []byte) int64 {
	if len(body) == 0 || len(body) > 8 {
		return 0
	}
	return int64(unsigned(body)<<(64-8*len(body))) >> (64 - 8*len(body))
}

func float(body []byte) float64 {
	switch len(body) {
	case 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(body)))
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(body))
	}
	return 0
}
