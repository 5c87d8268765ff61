package weights

// ggufArray is GGUF's number for arrays; the numbers of plain values are the places in ggufValues.
const ggufArray = 9

// ggufValue reads one value, or an array of them, of a certain type.
type ggufValue struct {
	one  func(c *cursor) any
	many func(c *cursor, count uint64) any
}

// ggufValues is in the order of GGUF's numbers of types; arrays have no entry, and so an
// array of arrays is refused.
var ggufValues = [...]ggufValue{
	0:  valueOf(1, (*cursor).u8),
	1:  valueOf(1, (*cursor).i8),
	2:  valueOf(2, (*cursor).u16),
	3:  valueOf(2, (*cursor).i16),
	4:  valueOf(4, (*cursor).u32),
	5:  valueOf(4, (*cursor).i32),
	6:  valueOf(4, (*cursor).f32),
	7:  valueOf(1, ggufBool),
	8:  valueOf(8, ggufString),
	10: valueOf(8, (*cursor).u64),
	11: valueOf(8, (*cursor).i64),
	12: valueOf(8, (*cursor).f64),
}

// valueOf makes a ggufValue of a function that reads one value, which takes at least width bytes.
func valueOf[T any](width int, read func(*cursor) T) ggufValue {
	return ggufValue{
		one: func(c *cursor) any { return read(c) },
		many: func(c *cursor, count uint64) any {
			if !c.fits(count, width, "array elements") {
				return nil
			}
			values := make([]T, count)
			for i := range values {
				values[i] = read(c)
			}
			return values
		},
	}
}

func ggufBool(c *cursor) bool {
	value := c.u8()
	if value > 1 {
		c.fail(c.pos-1, "a bool is %d", value)
	}
	return value == 1
}

func ggufString(c *cursor) string { return c.text(c.u64()) }

// ggufName reads a key or the name of a tensor.
func ggufName(c *cursor) string {
	start := c.pos
	length := c.u64()
	if length == 0 || length > ggufLongestName {
		c.fail(start, "a name of %d bytes, 1 to %d are supported", length, ggufLongestName)
		return ""
	}
	return c.text(length)
}

// readGGUFMetadata reads the key-values. Errors are left in the cursor.
func readGGUFMetadata(c *cursor, count uint64) map[string]any {
	const shortest = 8 + 4 + 1 // key, type, value
	if count > maxTensors {
		c.fail(c.pos, "%d keys, at most %d are supported", count, maxTensors)
	}
	if !c.fits(count, shortest, "keys") {
		return nil
	}
	metadata := make(map[string]any, count)
	for range count {
		start := c.pos
		key := ggufName(c)
		if _, twice := metadata[key]; twice {
			c.fail(start, "key %q occurs twice", key)
		}
		metadata[key] = readGGUFValue(c, key)
		if c.err != nil {
			return nil
		}
	}
	return metadata
}

// readGGUFValue reads a value after its type.
func readGGUFValue(c *cursor, key string) any {
	start := c.pos
	number := c.u32()
	isArray := number == ggufArray
	if isArray {
		number = c.u32()
	}
	if c.err != nil {
		return nil
	}
	if number >= uint32(len(ggufValues)) || ggufValues[number].one == nil {
		c.fail(start, "key %q: values of type %d are not supported", key, number)
		return nil
	}
	if isArray {
		return ggufValues[number].many(c, c.u64())
	}
	return ggufValues[number].one(c)
}

// ggufAlignmentOf returns the alignment that the key-values ask for.
func ggufAlignmentOf(metadata map[string]any) (int, error) {
	value, ok := metadata[ggufAlignmentKey]
	if !ok {
		return ggufAlignment, nil
	}
	const largest = 1 << 16
	alignment, ok := value.(uint32)
	if !ok || alignment == 0 || alignment > largest || alignment&(alignment-1) != 0 {
		return 0, errorAt(-1, "%s is %v instead of a power of two up to %d", ggufAlignmentKey, value, largest)
	}
	return int(alignment), nil
}
