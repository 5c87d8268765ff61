package weights

import (
	"fmt"
	"slices"
)

const (
	ggufMagic = "GGUF"
	// ggufAlignment is where data and tensors begin, a multiple of so many bytes, unless the file
	// says otherwise under general.alignment.
	ggufAlignment    = 32
	ggufAlignmentKey = "general.alignment"
	// ggufDimensions is GGML_MAX_DIMS.
	ggufDimensions = 4
	// ggufLongestName bounds keys and tensor names; ggml allows 63 bytes for the latter.
	ggufLongestName = 1 << 10
)

// ggufTypes maps ggml's numbers of element types to ours.
var ggufTypes = map[uint32]Type{0: F32, 1: F16, 8: Q8_0, 24: I8, 26: I32, 27: I64, 30: BF16}

// ggufOtherTypes names the types of ggml.h that this package cannot decode, for the message.
var ggufOtherTypes = map[uint32]string{
	2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K",
	14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
	22: "IQ2_S", 23: "IQ4_XS", 25: "I16", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}

// ggufTensor is a line of the directory of tensors.
type ggufTensor struct {
	Tensor
	place  int64  // of the line, for messages
	offset uint64 // of the data, from the beginning of the data section
}

// readGGUF reads a GGUF file of version 2 or 3: header, key-values, directory of tensors, padding,
// data.
func readGGUF(data []byte) ([]Tensor, map[string]any, error) {
	c := &cursor{data: data[:min(len(data), maxHeader)], pos: len(ggufMagic)}
	switch version := c.u32(); version {
	case 2, 3:
	case 2 << 24, 3 << 24:
		c.fail(len(ggufMagic), "big-endian byte order is not supported")
	default:
		c.fail(len(ggufMagic), "version %d, only 2 and 3 are supported", version)
	}
	tensorCount := c.u64()
	metadata := readGGUFMetadata(c, c.u64())
	directory := readGGUFDirectory(c, tensorCount)
	if c.err != nil {
		return nil, nil, c.err
	}
	alignment, err := ggufAlignmentOf(metadata)
	if err != nil {
		return nil, nil, err
	}
	// A file without tensors may end before the padding.
	start := min((c.pos+alignment-1)/alignment*alignment, len(data))
	tensors, err := placeGGUF(directory, data[start:], start, alignment)
	return tensors, metadata, err
}

// readGGUFDirectory reads the lines about tensors. Errors are left in the cursor.
func readGGUFDirectory(c *cursor, count uint64) []ggufTensor {
	const shortest = 8 + 4 + 4 + 8 // name, dimensions, type, offset
	if count > maxTensors {
		c.fail(c.pos, "%d tensors, at most %d are supported", count, maxTensors)
	}
	if !c.fits(count, shortest, "tensors") {
		return nil
	}
	directory := make([]ggufTensor, count)
	for i := range directory {
		t := &directory[i]
		start := c.pos
		t.place = c.base + int64(start)
		t.Name = ggufName(c)
		t.Shape = readGGUFShape(c)
		number := c.u32()
		t.offset = c.u64()
		if c.err != nil {
			return nil
		}
		known := false
		if t.Type, known = ggufTypes[number]; !known {
			c.fail(start, "tensor %q: type %s is not supported, only F32, F16, BF16, Q8_0 and integers are", t.Name, ggufTypeName(number))
			return nil
		}
	}
	return directory
}

// readGGUFShape reads the sizes of a tensor, which GGUF lists innermost first.
func readGGUFShape(c *cursor) []int {
	start := c.pos
	dimensions := c.u32()
	if dimensions > ggufDimensions {
		c.fail(start, "%d dimensions, at most %d are possible", dimensions, ggufDimensions)
		return nil
	}
	sizes := make([]uint64, dimensions)
	for i := range sizes {
		sizes[i] = c.u64()
	}
	slices.Reverse(sizes)
	shape, err := toShape(sizes)
	if err != nil {
		c.fail(start, "%w", err)
	}
	return shape
}

func ggufTypeName(number uint32) string {
	if name, ok := ggufOtherTypes[number]; ok {
		return name
	}
	return fmt.Sprintf("number %d", number)
}

// placeGGUF gives the tensors their bytes of the data section, which begins at byte start of the file.
func placeGGUF(directory []ggufTensor, data []byte, start, alignment int) ([]Tensor, error) {
	tensors := make([]Tensor, len(directory))
	extents := make([]extent, len(directory))
	for i, t := range directory {
		size, err := byteSize(t.Type, t.Shape)
		if err != nil {
			return nil, errorAt(t.place, "tensor %q: %w", t.Name, err)
		}
		if t.offset%uint64(alignment) != 0 {
			return nil, errorAt(t.place, "tensor %q: offset %d is not a multiple of the alignment %d", t.Name, t.offset, alignment)
		}
		if t.offset > uint64(len(data)) || uint64(size) > uint64(len(data))-t.offset {
			return nil, errorAt(t.place, "tensor %q: %d bytes at offset %d are not in the %d bytes of data: truncated?",
				t.Name, size, t.offset, len(data))
		}
		end := t.offset + uint64(size)
		t.Data = data[t.offset:end:end]
		tensors[i] = t.Tensor
		extents[i] = extent{name: t.Name, begin: t.offset, end: end}
	}
	sortExtents(extents)
	if err := checkApart(extents); err != nil {
		return nil, errorAt(int64(start), "%w", err)
	}
	return tensors, nil
}
