package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

const (
	safetensorsMetadata = "__metadata__"
	// safetensorsStart is where the header begins: after its length.
	safetensorsStart = 8
)

// safetensorsTypes maps the format's names of element types to ours. Q8_0 has none.
var safetensorsTypes = map[string]Type{
	"F32": F32, "F16": F16, "BF16": BF16, "U8": U8, "I8": I8, "I32": I32, "I64": I64,
}

// readSafetensors reads a safetensors file: the length of the header, the header in JSON, data
// without gaps.
func readSafetensors(data []byte) ([]Tensor, map[string]any, error) {
	length := binary.LittleEndian.Uint64(data)
	rest := data[safetensorsStart:]
	if length > maxHeader {
		return nil, nil, errorAt(0, "a header of %d bytes, at most %d are supported", length, maxHeader)
	}
	if length > uint64(len(rest)) {
		return nil, nil, errorAt(0, "a header of %d bytes in a file of %d: truncated?", length, len(data))
	}
	text, rest := rest[:length], rest[length:]
	// JSON decoders replace what is not UTF-8, which could make two names equal.
	if !utf8.Valid(text) {
		return nil, nil, errorAt(safetensorsStart, "the header is not UTF-8")
	}
	h := safetensorsHeader{decoder: json.NewDecoder(bytes.NewReader(text)), data: rest, metadata: map[string]any{}}
	h.decoder.UseNumber()
	if err := h.read(text); err != nil {
		return nil, nil, errorAt(safetensorsStart+h.decoder.InputOffset(), "%w", err)
	}
	sortExtents(h.extents)
	if err := checkGapless(h.extents, uint64(len(rest))); err != nil {
		return nil, nil, errorAt(safetensorsStart+int64(length), "%w", err)
	}
	return h.tensors, h.metadata, nil
}

// safetensorsHeader reads the header token by token, since json.Unmarshal takes the last of equal keys
// and does not mind case, in a file where both must be errors.
type safetensorsHeader struct {
	decoder  *json.Decoder
	data     []byte // the data section
	tensors  []Tensor
	extents  []extent
	metadata map[string]any
}

func (h *safetensorsHeader) read(text []byte) error {
	err := h.object(func(name string) error {
		if name == safetensorsMetadata {
			return h.readMetadata()
		}
		if len(h.tensors) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		if err := h.readTensor(name); err != nil {
			return fmt.Errorf("tensor %q: %w", brief(name), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(bytes.Trim(text[h.decoder.InputOffset():], " ")) != 0 {
		return errors.New("something other than spaces follows the header")
	}
	return nil
}

// object reads an object, calling value after each key. A key that occurs twice is an error.
func (h *safetensorsHeader) object(value func(key string) error) error {
	if err := h.delimiter('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for h.decoder.More() {
		token, err := h.token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder admits nothing else here
		if seen[key] {
			return fmt.Errorf("%q occurs twice", brief(key))
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return h.delimiter('}')
}

func (h *safetensorsHeader) token() (json.Token, error) {
	token, err := h.decoder.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return token, nil
}

func (h *safetensorsHeader) delimiter(want json.Delim) error {
	token, err := h.token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%s was expected in the header", want)
	}
	return nil
}

func (h *safetensorsHeader) text() (string, error) {
	token, err := h.token()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", errors.New("a string was expected in the header")
	}
	return text, nil
}

// sizes reads an array of at most longest numbers.
func (h *safetensorsHeader) sizes(longest int) ([]uint64, error) {
	if err := h.delimiter('['); err != nil {
		return nil, err
	}
	sizes := []uint64{}
	for h.decoder.More() {
		if len(sizes) == longest {
			return nil, fmt.Errorf("more than %d numbers in a list", longest)
		}
		token, err := h.token()
		if err != nil {
			return nil, err
		}
		number, _ := token.(json.Number)
		size, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a size", brief(fmt.Sprint(token)))
		}
		sizes = append(sizes, size)
	}
	return sizes, h.delimiter(']')
}

func (h *safetensorsHeader) readMetadata() error {
	return h.object(func(key string) error {
		value, err := h.text()
		h.metadata[key] = value
		return err
	})
}

// readTensor reads what the header says about a tensor, and gives it its bytes.
func (h *safetensorsHeader) readTensor(name string) error {
	var typeName string
	var sizes, offsets []uint64
	err := h.object(func(key string) (err error) {
		switch key {
		case "dtype":
			typeName, err = h.text()
		case "shape":
			sizes, err = h.sizes(maxDimensions)
		case "data_offsets":
			offsets, err = h.sizes(2)
		default:
			err = fmt.Errorf("unknown key %q", brief(key))
		}
		return err
	})
	if err != nil {
		return err
	}
	if typeName == "" || sizes == nil || len(offsets) != 2 {
		return errors.New("dtype, shape or data_offsets is missing")
	}
	elements, known := safetensorsTypes[typeName]
	if !known {
		return fmt.Errorf("type %q is not supported, only F32, F16, BF16, U8, I8, I32 and I64 are", brief(typeName))
	}
	shape, err := toShape(sizes)
	if err != nil {
		return err
	}
	return h.place(Tensor{Name: name, Type: elements, Shape: shape}, offsets[0], offsets[1])
}

// place gives a tensor the bytes from begin to end of the data.
func (h *safetensorsHeader) place(t Tensor, begin, end uint64) error {
	if begin > end || end > uint64(len(h.data)) {
		return fmt.Errorf("bytes %d to %d are not in the %d bytes of data: truncated?", begin, end, len(h.data))
	}
	size, err := byteSize(t.Type, t.Shape)
	if err != nil {
		return err
	}
	if uint64(size) != end-begin {
		return fmt.Errorf("%v of shape %v takes %d bytes, not the %d from %d to %d", t.Type, t.Shape, size, end-begin, begin, end)
	}
	t.Data = h.data[begin:end:end]
	h.tensors = append(h.tensors, t)
	h.extents = append(h.extents, extent{name: t.Name, begin: begin, end: end})
	return nil
}
