package modelstore

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"sensevoice/internal/weights"
)

// releasedQueryTokens are the rows of embed.weight that ask for language, event, emotion and text norm in
// SenseVoiceSmall, whose own files do not name them.
const releasedQueryTokens = `{"language":{"auto":0,"zh":3,"en":4,"yue":7,"ja":11,"ko":12,"nospeech":13},` +
	`"event":1,"emotion":2,"textnorm":{"withitn":14,"woitn":15}}`

// The tensors that hold the normalisation.
const (
	shiftTensor = "cmvn.shift"
	scaleTensor = "cmvn.scale"
)

// Convert writes a model to one safetensors file that holds everything: weights, normalisation and
// vocabulary. With weights.F32 every number is kept as it is; with weights.F16, matrices are rounded to
// half precision, to nearest even, and the rest, a hundredth of the size, stays as it is. A weight that
// has no half is an error that names its tensor. Path appears when the file is whole, in place of one
// that may be there; memory for one tensor is enough.
func Convert(ctx context.Context, m *Model, path string, matrices weights.Type) error {
	if matrices != weights.F32 && matrices != weights.F16 {
		return fmt.Errorf("convert to %v: only %v and %v are supported", matrices, weights.F32, weights.F16)
	}
	metadata, err := convertedMetadata(m)
	if err != nil {
		return fmt.Errorf("convert %s: %w", m.Name, err)
	}
	c := &conversion{matrices: matrices, metadata: metadata}
	c.plan(m)
	err = writeDurable(path, func(f *os.File) error { return c.write(ctx, f) })
	if err != nil {
		return fmt.Errorf("convert %s to %s: %w", m.Name, path, err)
	}
	return nil
}

// convertedMetadata returns what the file says beside the tensors. Texts of the source are kept.
func convertedMetadata(m *Model) (map[string]string, error) {
	metadata := map[string]string{"sv.query_tokens": releasedQueryTokens, "sv.attention_heads": "4"}
	for key, value := range m.Weights.Metadata {
		if text, ok := value.(string); ok {
			metadata[key] = text
		}
	}
	if heads, ok := m.Weights.Metadata["sv.attention_heads"]; ok {
		metadata["sv.attention_heads"] = fmt.Sprint(heads)
	}
	pieces := make([]string, m.Vocabulary.Len())
	for id := range pieces {
		pieces[id] = m.Vocabulary.Piece(int32(id))
	}
	vocabulary, err := json.Marshal(pieces)
	if err != nil {
		return nil, err
	}
	metadata["general.architecture"] = "sensevoice-small"
	metadata["sv.vocab"] = string(vocabulary)
	return metadata, nil
}

// conversion is a file about to be written.
type conversion struct {
	matrices weights.Type
	metadata map[string]string
	tensors  []convertedTensor
}

// convertedTensor is a tensor as it will be, and how to get its numbers.
type convertedTensor struct {
	weights.Tensor // Data is nil
	source         *weights.Tensor
	transpose      bool // the source is the other way round
}

// plan decides about every tensor, and orders them as WriteSafetensors says that it does.
func (c *conversion) plan(m *Model) {
	for _, name := range m.Weights.Names() {
		if m.CMVN != nil && (name == shiftTensor || name == scaleTensor) {
			continue // the model's own, which may come from beside the file, replaces it
		}
		t, _ := m.Weights.Tensor(name)
		c.add(t)
	}
	if m.CMVN != nil {
		c.add(vectorTensor(shiftTensor, m.CMVN.Shift))
		c.add(vectorTensor(scaleTensor, m.CMVN.Scale))
	}
	slices.SortFunc(c.tensors, func(a, b convertedTensor) int {
		return cmp.Or(cmp.Compare(b.Type.Bytes(1), a.Type.Bytes(1)), strings.Compare(a.Name, b.Name))
	})
}

func (c *conversion) add(source *weights.Tensor) {
	t := convertedTensor{source: source}
	t.Name, t.Type, t.Shape = source.Name, source.Type, source.Shape
	if strings.HasSuffix(t.Name, "fsmn_block.weight") && len(t.Shape) == 2 {
		// GGUF stores these convolutions as (tap, channel); the checkpoint as (channel, 1, tap).
		t.transpose, t.Shape = true, []int{source.Shape[1], 1, source.Shape[0]}
	}
	switch source.Type {
	case weights.F32, weights.F16, weights.BF16, weights.Q8_0:
		t.Type = weights.F32
		if len(t.Shape) == 2 {
			t.Type = c.matrices
		}
	}
	c.tensors = append(c.tensors, t)
}

func vectorTensor(name string, values []float32) *weights.Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, x := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return &weights.Tensor{Name: name, Type: weights.F32, Shape: []int{len(values)}, Data: data}
}

func (c *conversion) write(ctx context.Context, w io.Writer) error {
	header, err := c.header()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.Write(header); err != nil {
		return err
	}
	for i := range c.tensors {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.tensors[i].write(out); err != nil {
			return err
		}
	}
	return out.Flush()
}

// header returns what comes before the data. It lets WriteSafetensors write the whole file, with zeros
// for data, and keeps the beginning: so only that function knows the format, and no memory holds a
// file's worth of data.
func (c *conversion) header() ([]byte, error) {
	largest := 0
	for _, t := range c.tensors {
		largest = max(largest, t.Type.Bytes(t.Elements()))
	}
	zeros := make([]byte, largest)
	tensors := make([]weights.Tensor, len(c.tensors))
	for i, t := range c.tensors {
		tensors[i] = t.Tensor
		tensors[i].Data = zeros[:t.Type.Bytes(t.Elements())]
	}
	var keep headerKeeper
	if err := weights.WriteSafetensors(&keep, tensors, c.metadata); err != nil {
		return nil, err
	}
	return keep.header[:keep.size()], nil
}

// headerKeeper keeps the header of a safetensors file that is written to it.
type headerKeeper struct{ header []byte }

// size returns the bytes that the header takes, as far as it is known: its length comes first.
func (k *headerKeeper) size() int {
	const lengthBytes = 8
	if len(k.header) < lengthBytes {
		return lengthBytes
	}
	return lengthBytes + int(binary.LittleEndian.Uint64(k.header))
}

func (k *headerKeeper) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && len(k.header) < k.size(); {
		n := min(len(rest), k.size()-len(k.header))
		k.header, rest = append(k.header, rest[:n]...), rest[n:]
	}
	return len(p), nil
}

// write writes the data of a tensor.
func (t *convertedTensor) write(w *bufio.Writer) error {
	if t.Type == t.source.Type && !t.transpose {
		_, err := w.Write(t.source.Data)
		return err
	}
	values := make([]float32, t.source.Elements())
	if err := t.source.Decode(values); err != nil {
		return err
	}
	if t.transpose {
		values = transposed(values, t.source.Shape[0], t.source.Shape[1])
	}
	if t.Type == weights.F32 {
		return writeSingles(w, values)
	}
	return t.writeHalves(w, values)
}

func transposed(values []float32, rows, columns int) []float32 {
	result := make([]float32, len(values))
	for r := range rows {
		for c := range columns {
			result[c*rows+r] = values[r*columns+c]
		}
	}
	return result
}

func writeSingles(w *bufio.Writer, values []float32) error {
	var number [4]byte
	for _, x := range values {
		binary.LittleEndian.PutUint32(number[:], math.Float32bits(x))
		if _, err := w.Write(number[:]); err != nil {
			return err
		}
	}
	return nil
}

func (t *convertedTensor) writeHalves(w *bufio.Writer, values []float32) error {
	var number [2]byte
	for i, x := range values {
		half, ok := toHalf(x)
		if !ok {
			return fmt.Errorf("tensor %s: element %d is %v, which half precision cannot hold: convert to f32", t.Name, i, x)
		}
		binary.LittleEndian.PutUint16(number[:], half)
		if _, err := w.Write(number[:]); err != nil {
			return err
		}
	}
	return nil
}
