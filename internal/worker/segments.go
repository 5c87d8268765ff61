package worker

import (
	"encoding/binary"
	"fmt"
	"math"

	"sensevoice/internal/sensevoice"
)

// A segment on its way to a worker: the number of its features, of its banned pieces and of the bytes of its language (uint32 each), ITN (a byte of 0 or
// 1, and three of 0), the language, the banned pieces, the features. What comes back is, for each row, its id and its log-probability.

const segmentHead = 16

// EncodeSegment writes a segment.
func EncodeSegment(s sensevoice.Segment) []byte {
	b := make([]byte, 0, segmentHead+len(s.Language)+4*len(s.Banned)+4*len(s.Features))
	for _, n := range []int{len(s.Features), len(s.Banned), len(s.Language)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n)) //nolint:gosec // far below
	}
	itn := uint32(0)
	if s.ITN {
		itn = 1
	}
	b = binary.LittleEndian.AppendUint32(b, itn)
	b = append(b, s.Language...)
	for _, id := range s.Banned {
		b = binary.LittleEndian.AppendUint32(b, uint32(id)) //nolint:gosec // bits
	}
	for _, f := range s.Features {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// DecodeSegment reads what EncodeSegment wrote.
func DecodeSegment(b []byte) (sensevoice.Segment, error) {
	if len(b) < segmentHead {
		return sensevoice.Segment{}, fmt.Errorf("a segment of %d bytes", len(b))
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	features, banned, language, itn := uint64(u32(0)), uint64(u32(4)), uint64(u32(8)), u32(12)
	if want := segmentHead + language + 4*banned + 4*features; want != uint64(len(b)) || itn > 1 {
		return sensevoice.Segment{}, fmt.Errorf("a segment of %d bytes says that it has %d", len(b), want)
	}
	s := sensevoice.Segment{ITN: itn == 1, Language: string(b[segmentHead : segmentHead+language])}
	at := segmentHead + int(language) //nolint:gosec // checked against len(b)
	for range banned {
		s.Banned = append(s.Banned, int32(u32(at))) //nolint:gosec // bits
		at += 4
	}
	s.Features = make([]float32, features)
	for i := range s.Features {
		s.Features[i] = math.Float32frombits(u32(at))
		at += 4
	}
	return s, nil
}

// EncodeRows writes the answer to a segment.
func EncodeRows(ids []int32, logProbs []float32) []byte {
	b := make([]byte, 0, 8*len(ids))
	for i, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id)) //nolint:gosec // bits
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(logProbs[i]))
	}
	return b
}

// DecodeRows reads what EncodeRows wrote, of so many rows.
func DecodeRows(b []byte, rows int) (ids []int32, logProbs []float32, err error) {
	if len(b) != 8*rows {
		return nil, nil, fmt.Errorf("an answer of %d bytes for %d rows", len(b), rows)
	}
	ids, logProbs = make([]int32, rows), make([]float32, rows)
	for i := range rows {
		ids[i] = int32(binary.LittleEndian.Uint32(b[8*i:])) //nolint:gosec // bits
		logProbs[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[8*i+4:]))
	}
	return ids, logProbs, nil
}
