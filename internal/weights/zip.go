package weights

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Sizes of zip's records without their variable parts, and their signatures (APPNOTE.TXT 4.3).
const (
	zipLocalSize     = 30
	zipEntrySize     = 46
	zipEndSize       = 22
	zipEnd64Size     = 56
	zipLocatorSize   = 20
	zipLongestRemark = math.MaxUint16

	zipLocalMark   = "PK\x03\x04"
	zipEntryMark   = "PK\x01\x02"
	zipEndMark     = "PK\x05\x06"
	zipEnd64Mark   = "PK\x06\x06"
	zipLocatorMark = "PK\x06\x07"

	zipExtra64 = 1 // id of the extra field that holds what does not fit into 32 bits
)

// zipArchive is the central directory of a zip file whose entries are stored as they are. It is a
// reader of its own, not archive/zip, because entries must be slices of the archive, and because the
// number of entries must be bounded before they are read.
type zipArchive struct {
	data    []byte
	entries map[string]zipEntry
}

// zipEntry is one line of the central directory.
type zipEntry struct {
	place  int64 // of the directory entry, for messages
	flags  uint16
	method uint16
	packed uint64 // size as stored
	size   uint64
	local  uint64 // offset of the local header
}

// openZip reads the central directory.
func openZip(data []byte) (*zipArchive, error) {
	count, offset, size, err := zipDirectory(data)
	if err != nil {
		return nil, err
	}
	if count > maxTensors {
		return nil, errorAt(-1, "zip: %d entries, at most %d are supported", count, maxTensors)
	}
	if offset > uint64(len(data)) || size > uint64(len(data))-offset {
		return nil, errorAt(-1, "zip: the directory (%d bytes at %d) is outside the file of %d: truncated?", size, offset, len(data))
	}
	c := &cursor{data: data[offset : offset+size], base: int64(offset)}
	if !c.fits(count, zipEntrySize, "zip entries") {
		return nil, c.err
	}
	archive := &zipArchive{data: data, entries: make(map[string]zipEntry, count)}
	for range count {
		place := c.pos
		name, entry := readZipEntry(c)
		if _, twice := archive.entries[name]; twice {
			c.fail(place, "zip: two entries are named %q", brief(name))
		}
		if c.err != nil {
			return nil, c.err
		}
		archive.entries[name] = entry
	}
	return archive, nil
}

// zipDirectory finds the central directory from the record at the end of the file, or from its 64-bit
// form where there is one.
func zipDirectory(data []byte) (count, offset, size uint64, err error) {
	end := zipEnd(data)
	if end < 0 {
		return 0, 0, 0, errorAt(int64(len(data)), "zip: no directory at the end of the file: truncated?")
	}
	record := data[end:]
	count = uint64(binary.LittleEndian.Uint16(record[10:]))
	size = uint64(binary.LittleEndian.Uint32(record[12:]))
	offset = uint64(binary.LittleEndian.Uint32(record[16:]))

	locator := end - zipLocatorSize
	if locator < 0 || !bytes.HasPrefix(data[locator:], []byte(zipLocatorMark)) {
		return count, offset, size, nil
	}
	place := binary.LittleEndian.Uint64(data[locator+8:])
	if locator < zipEnd64Size || place > uint64(locator-zipEnd64Size) || !bytes.HasPrefix(data[place:], []byte(zipEnd64Mark)) {
		return 0, 0, 0, errorAt(int64(locator), "zip: the 64-bit directory record is not where it should be")
	}
	record = data[place:]
	count = binary.LittleEndian.Uint64(record[32:])
	size = binary.LittleEndian.Uint64(record[40:])
	offset = binary.LittleEndian.Uint64(record[48:])
	return count, offset, size, nil
}

// zipEnd returns the place of the record that ends an archive, or -1. Only a remark of at most 65,535
// bytes can follow it.
func zipEnd(data []byte) int {
	start := max(0, len(data)-zipEndSize-zipLongestRemark)
	tail := data[start:]
	for {
		i := bytes.LastIndex(tail, []byte(zipEndMark))
		if i < 0 {
			return -1
		}
		record := data[start+i:]
		if len(record) >= zipEndSize && int(binary.LittleEndian.Uint16(record[20:])) == len(record)-zipEndSize {
			return start + i
		}
		tail = tail[:i]
	}
}

// readZipEntry reads one entry of the central directory. Errors are left in the cursor.
func readZipEntry(c *cursor) (name string, entry zipEntry) {
	start := c.pos
	entry.place = c.base + int64(start)
	b := c.bytes(zipEntrySize)
	if b == nil {
		return "", entry
	}
	if string(b[:4]) != zipEntryMark {
		c.fail(start, "zip: a directory entry was expected here")
		return "", entry
	}
	entry.flags = binary.LittleEndian.Uint16(b[8:])
	entry.method = binary.LittleEndian.Uint16(b[10:])
	entry.packed = uint64(binary.LittleEndian.Uint32(b[20:]))
	entry.size = uint64(binary.LittleEndian.Uint32(b[24:]))
	entry.local = uint64(binary.LittleEndian.Uint32(b[42:]))
	name = c.text(uint64(binary.LittleEndian.Uint16(b[28:])))
	extra := &cursor{base: c.base + int64(c.pos), data: c.bytes(uint64(binary.LittleEndian.Uint16(b[30:])))}
	c.bytes(uint64(binary.LittleEndian.Uint16(b[32:]))) // the remark
	if c.err == nil {
		c.err = entry.widen(extra)
	}
	return name, entry
}

// widen replaces the numbers that are all ones by those in the 64-bit extra field, in which only these
// are present.
func (e *zipEntry) widen(extra *cursor) error {
	for extra.err == nil && extra.remaining() >= 4 {
		id := extra.u16()
		place := extra.base + int64(extra.pos)
		field := &cursor{base: place, data: extra.bytes(uint64(extra.u16()))}
		if id != zipExtra64 || extra.err != nil {
			continue
		}
		for _, number := range []*uint64{&e.size, &e.packed, &e.local} {
			if *number == math.MaxUint32 {
				*number = field.u64()
			}
		}
		return field.err
	}
	return extra.err
}

// open returns the bytes of an entry and their place in the file; found is false if there is no entry
// of that name.
func (z *zipArchive) open(name string) (data []byte, place int64, found bool, err error) {
	entry, found := z.entries[name]
	if !found {
		return nil, 0, false, nil
	}
	const encrypted = 1
	switch {
	case entry.flags&encrypted != 0:
		return nil, 0, true, errorAt(entry.place, "zip: %q is encrypted", brief(name))
	case entry.method != 0 || entry.packed != entry.size:
		return nil, 0, true, errorAt(entry.place, "zip: %q is compressed; torch.save stores without compression: "+
			"save the checkpoint again, or repack it with `zip -0`", brief(name))
	}
	start, err := z.dataOffset(name, entry)
	if err != nil {
		return nil, 0, true, err
	}
	if entry.size > uint64(len(z.data)-start) {
		return nil, 0, true, errorAt(entry.place, "zip: %q (%d bytes at %d) runs past the end of the file", brief(name), entry.size, start)
	}
	end := start + int(entry.size)
	return z.data[start:end:end], int64(start), true, nil
}

// dataOffset reads an entry's local header, whose length differs from the directory's entry.
func (z *zipArchive) dataOffset(name string, entry zipEntry) (int, error) {
	if entry.local > uint64(len(z.data)) {
		return 0, errorAt(entry.place, "zip: %q begins past the end of the file", brief(name))
	}
	c := &cursor{data: z.data, pos: int(entry.local)}
	header := c.bytes(zipLocalSize)
	if c.err != nil {
		return 0, c.err
	}
	if string(header[:4]) != zipLocalMark {
		return 0, errorAt(int64(entry.local), "zip: the header of %q was expected here", brief(name))
	}
	if local := c.bytes(uint64(binary.LittleEndian.Uint16(header[26:]))); c.err == nil && string(local) != name {
		return 0, errorAt(int64(entry.local), "zip: %q is called %q in the directory", brief(string(local)), brief(name))
	}
	c.bytes(uint64(binary.LittleEndian.Uint16(header[28:])))
	return c.pos, c.err
}
