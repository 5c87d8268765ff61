package worker

import (
	"encoding/binary"
	"fmt"
)

// Items lie in shared memory one after the other, each with its length before it (uint32), behind their number (uint32). Both sides check
// everything: the other one may have gone mad.

// maxItems bounds a batch.
const maxItems = 1 << 16

// put writes items and returns the bytes used.
func put(area []byte, items [][]byte) (int, error) {
	need := 4
	for _, item := range items {
		need += 4 + len(item)
	}
	if need > len(area) || len(items) > maxItems {
		return 0, &BatchError{fmt.Sprintf("%d items take %d bytes of %d that are shared", len(items), need, len(area))}
	}
	binary.LittleEndian.PutUint32(area, uint32(len(items))) //nolint:gosec // bounded above
	at := 4
	for _, item := range items {
		binary.LittleEndian.PutUint32(area[at:], uint32(len(item))) //nolint:gosec // bounded by the area
		at += 4 + copy(area[at+4:], item)
	}
	return at, nil
}

// take reads the items of an area. They are views of it.
func take(area []byte, used uint64) ([][]byte, error) {
	if used > uint64(len(area)) || used < 4 {
		return nil, fmt.Errorf("a message of %d bytes in %d", used, len(area))
	}
	rest := area[4:used]
	count := binary.LittleEndian.Uint32(area)
	if count > maxItems || uint64(count) > uint64(len(rest))/4 {
		return nil, fmt.Errorf("%d items in %d bytes", count, used)
	}
	items := make([][]byte, count)
	for i := range items {
		if len(rest) < 4 {
			return nil, fmt.Errorf("item %d of %d is missing", i, count)
		}
		n := uint64(binary.LittleEndian.Uint32(rest))
		if rest = rest[4:]; n > uint64(len(rest)) {
			return nil, fmt.Errorf("item %d of %d has %d bytes, and %d are left", i, count, n, len(rest))
		}
		items[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%d bytes behind the last item", len(rest))
	}
	return items, nil
}

// message is what goes over the socket; bulk lies in shared memory.
type message struct {
	Kind   uint32
	Status uint32
	ID     uint64
	Bytes  uint64 // used of the area
}

// The kinds of messages.
const (
	kindReady    = iota + 1 // worker: up
	kindBeat                // worker: idle and well
	kindRun                 // server: items are in the first half
	kindDone                // worker: results, or with Status 1 the text of an error, are in the second half
	kindGiveBack            // server: Status is the level
	kindStop                // server: end
)

const messageSize = 24

func (m message) encode() []byte {
	b := make([]byte, 0, messageSize)
	b = binary.LittleEndian.AppendUint32(b, m.Kind)
	b = binary.LittleEndian.AppendUint32(b, m.Status)
	b = binary.LittleEndian.AppendUint64(b, m.ID)
	return binary.LittleEndian.AppendUint64(b, m.Bytes)
}

func decodeMessage(b []byte) (message, error) {
	if len(b) != messageSize {
		return message{}, fmt.Errorf("a message of %d bytes, want %d", len(b), messageSize)
	}
	return message{
		Kind: binary.LittleEndian.Uint32(b), Status: binary.LittleEndian.Uint32(b[4:]),
		ID: binary.LittleEndian.Uint64(b[8:]), Bytes: binary.LittleEndian.Uint64(b[16:]),
	}, nil
}
