package weights

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// cursor reads numbers and strings from front to back. The first error sticks: from then on every
// method returns zeros, so that a caller may read a whole record and ask once.
type cursor struct {
	data []byte
	pos  int   // next byte, <= len(data)
	base int64 // place of data[0] in the file
	err  error // a *FormatError, or nil
}

// fail records an error at a position in data, unless there is one already.
func (c *cursor) fail(pos int, format string, args ...any) {
	if c.err == nil {
		c.err = errorAt(c.base+int64(pos), format, args...)
	}
}

func (c *cursor) remaining() uint64 { return uint64(len(c.data) - c.pos) }

// bytes returns the next n bytes, not copied, or nil on error.
func (c *cursor) bytes(n uint64) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.remaining() {
		c.fail(c.pos, "truncated: %d bytes wanted, %d left", n, c.remaining())
		return nil
	}
	start := c.pos
	c.pos += int(n)
	return c.data[start:c.pos]
}

// fits reports whether n records of at least width bytes can follow; it fails otherwise. It stands
// before every allocation whose size the file decides.
func (c *cursor) fits(n uint64, width int, what string) bool {
	if c.err == nil && n > c.remaining()/uint64(width) {
		c.fail(c.pos, "truncated: %d %s cannot be in the %d bytes left", n, what, c.remaining())
	}
	return c.err == nil
}

func (c *cursor) u8() uint8 {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) i8() int8     { return int8(c.u8()) }
func (c *cursor) i16() int16   { return int16(c.u16()) }
func (c *cursor) i32() int32   { return int32(c.u32()) }
func (c *cursor) i64() int64   { return int64(c.u64()) }
func (c *cursor) f32() float32 { return math.Float32frombits(c.u32()) }
func (c *cursor) f64() float64 { return math.Float64frombits(c.u64()) }

// text returns the next n bytes as a string, which must be UTF-8.
func (c *cursor) text(n uint64) string {
	start := c.pos
	b := c.bytes(n)
	if !utf8.Valid(b) {
		c.fail(start, "a string is not UTF-8")
		return ""
	}
	return string(b)
}
