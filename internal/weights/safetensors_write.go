package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// safetensorsAlignment is where WriteSafetensors makes the data begin: a cache line.
const safetensorsAlignment = 64

// safetensorsEntry is what the header says about a tensor.
type safetensorsEntry struct {
	Type    string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// WriteSafetensors writes tensors and metadata as a safetensors file. The same tensors give the same
// bytes, in whatever order they come: wider types first, so that every tensor is aligned, and equally
// wide ones by name. Data begins at a multiple of 64 bytes. It fails on what the format cannot hold
// (Q8_0, names that are empty, not UTF-8 or used twice) before it writes anything.
func WriteSafetensors(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	ordered := slices.Clone(tensors)
	slices.SortFunc(ordered, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.Type.Bytes(1), a.Type.Bytes(1)), strings.Compare(a.Name, b.Name))
	})
	header, err := safetensorsHeaderOf(ordered, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	for i := range ordered {
		if _, err := w.Write(ordered[i].Data); err != nil {
			return fmt.Errorf("write safetensors: tensor %q: %w", ordered[i].Name, err)
		}
	}
	return nil
}

// safetensorsHeaderOf returns everything that precedes the data, padded with spaces.
func safetensorsHeaderOf(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var fields [][]byte
	if len(metadata) > 0 {
		for key, value := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, fmt.Errorf("write safetensors: metadata %q: %q is not UTF-8", key, value)
			}
		}
		fields = append(fields, jsonField(safetensorsMetadata, metadata))
	}
	seen := map[string]bool{"": true, safetensorsMetadata: true}
	end := 0
	for i := range tensors {
		t := &tensors[i]
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("write safetensors: %w", err)
		}
		if safetensorsTypes[t.Type.String()] != t.Type {
			return nil, fmt.Errorf("write safetensors: tensor %q: the format has no %v", t.Name, t.Type)
		}
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("write safetensors: the name %q is reserved, not UTF-8 or used twice", t.Name)
		}
		seen[t.Name] = true
		begin := end
		end += len(t.Data)
		shape := append([]int{}, t.Shape...) // a scalar's shape is [], not null
		fields = append(fields, jsonField(t.Name, safetensorsEntry{t.Type.String(), shape, [2]int{begin, end}}))
	}
	text := slices.Concat([]byte{'{'}, bytes.Join(fields, []byte{','}), []byte{'}'})
	padding := -(safetensorsStart + len(text)) & (safetensorsAlignment - 1)
	text = append(text, bytes.Repeat([]byte{' '}, padding)...)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), nil
}

// jsonField returns "key": value. Strings, maps of them and safetensorsEntry can always be encoded.
func jsonField(key string, value any) []byte {
	quoted, _ := json.Marshal(key)
	body, _ := json.Marshal(value)
	return slices.Concat(quoted, []byte{':'}, body)
}
