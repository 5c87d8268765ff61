package webm

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errBlock = errors.New("a block is malformed")

// block is the frames of one block, and when they sound.
type block struct {
	track     uint64
	timestamp int64 // relative to the cluster's
	frames    [][]byte
}

// parseBlock reads the body of a SimpleBlock or Block (RFC 9559, section 10): track, time, flags and the frames, which may be laced.
func parseBlock(body []byte) (block, error) {
	track, n := number(body, 8)
	if n == 0 || len(body) < n+3 {
		return block{}, errBlock
	}
	b := block{track: track &^ (1 << (7 * n)), timestamp: int64(int16(binary.BigEndian.Uint16(body[n:])))}
	flags, rest := body[n+2], body[n+3:]
	var err error
	switch flags >> 1 & 3 {
	case 0:
		b.frames = [][]byte{rest}
	case 1:
		b.frames, err = unlace(rest, xiphSizes)
	case 2:
		b.frames, err = unlaceEqual(rest)
	case 3:
		b.frames, err = unlace(rest, ebmlSizes)
	}
	return b, err
}

// unlace cuts laced frames; sizes reads the lengths of all but the last.
func unlace(data []byte, sizes func(data []byte, count int) (list []int, rest []byte, err error)) ([][]byte, error) {
	if len(data) == 0 {
		return nil, errBlock
	}
	list, rest, err := sizes(data[1:], int(data[0]))
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for _, size := range list {
		if size < 0 || size > len(rest) {
			return nil, errBlock
		}
		frames = append(frames, rest[:size])
		rest = rest[size:]
	}
	return append(frames, rest), nil
}

func unlaceEqual(data []byte) ([][]byte, error) {
	if len(data) == 0 {
		return nil, errBlock
	}
	count, rest := int(data[0])+1, data[1:]
	if len(rest)%count != 0 {
		return nil, errBlock
	}
	frames, size := make([][]byte, count), len(rest)/count
	for i := range frames {
		frames[i] = rest[i*size:][:size]
	}
	return frames, nil
}

// xiphSizes reads lengths as sums of bytes that end with one below 255.
func xiphSizes(data []byte, count int) (list []int, rest []byte, err error) {
	for range count {
		size := 0
		for more := byte(255); more == 255; {
			if len(data) == 0 {
				return nil, nil, errBlock
			}
			more, data = data[0], data[1:]
			size += int(more)
		}
		list = append(list, size)
	}
	return list, data, nil
}

// ebmlSizes reads the first length as a number, each other as its difference to the one before.
func ebmlSizes(data []byte, count int) (list []int, rest []byte, err error) {
	size := int64(0)
	for i := range count {
		value, n := number(data, 8)
		if n == 0 {
			return nil, nil, errBlock
		}
		value &^= 1 << (7 * n)
		if i == 0 {
			size = int64(value)
		} else {
			size += int64(value) - (1<<(7*n-1) - 1)
		}
		if size < 0 || bits.Len64(uint64(size)) > 31 {
			return nil, nil, errBlock
		}
		list, data = append(list, int(size)), data[n:]
	}
	return list, data, nil
}
