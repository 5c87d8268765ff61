package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ggufNumbers are ggml's numbers of the types that buildGGUF writes.
var ggufNumbers = map[Type]uint32{F32: 0, F16: 1, Q8_0: 8, I8: 24, I32: 26, I64: 27, BF16: 30}

// ggufPair is a key and its value, which must be one that appendGGUFValue knows.
type ggufPair struct {
	key   string
	value any
}

// buildGGUF writes a GGUF file of version 3 with the default alignment.
func buildGGUF(pairs []ggufPair, tensors []Tensor, alignment int) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(ggufMagic), 3)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(tensors)))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(pairs)))
	for _, pair := range pairs {
		out = appendGGUFValue(appendGGUFString(out, pair.key), pair.value)
	}
	var data []byte
	for _, t := range tensors {
		data = append(data, make([]byte, -len(data)&(alignment-1))...)
		out = appendGGUFString(out, t.Name)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(t.Shape)))
		for _, size := range slices.Backward(t.Shape) {
			out = binary.LittleEndian.AppendUint64(out, uint64(size))
		}
		out = binary.LittleEndian.AppendUint32(out, ggufNumbers[t.Type])
		out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
		data = append(data, t.Data...)
	}
	out = append(out, make([]byte, -len(out)&(alignment-1))...)
	return append(out, data...)
}

func appendGGUFString(out []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(out, uint64(len(s))), s...)
}

// appendGGUFValue writes type and value of strings, and of anything that encoding/binary can write.
func appendGGUFValue(out []byte, value any) []byte {
	numbers := map[string]uint32{
		"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "uint32": 4, "int32": 5, "float32": 6, "bool": 7, "string": 8,
		"uint64": 10, "int64": 11, "float64": 12,
	}
	kind, isSlice := strings.CutPrefix(fmt.Sprintf("%T", value), "[]")
	if isSlice {
		out = binary.LittleEndian.AppendUint32(out, ggufArray)
	}
	out = binary.LittleEndian.AppendUint32(out, numbers[kind])
	if isSlice {
		out = binary.LittleEndian.AppendUint64(out, uint64(reflect.ValueOf(value).Len()))
	}
	switch value := value.(type) {
	case string:
		return appendGGUFString(out, value)
	case []string:
		for _, s := range value {
			out = appendGGUFString(out, s)
		}
		return out
	}
	out, err := binary.Append(out, binary.LittleEndian, value)
	if err != nil {
		panic(err)
	}
	return out
}

// exampleGGUF has a value and a tensor of every kind.
func exampleGGUF() ([]ggufPair, []Tensor) {
	pairs := []ggufPair{
		{"general.architecture", "sensevoice-small"},
		{"sv.input_size", uint32(560)},
		{"sv.query_tokens", []int32{0, 1, -2}},
		{"sv.vocab", []string{"<blank>", "▁the", ""}},
		{"cmvn.shift", []float32{-8.3, 1}},
		{"u8", uint8(255)},
		{"i8", int8(-1)},
		{"u16", uint16(65535)},
		{"i16", int16(-2)},
		{"i32", int32(-3)},
		{"f32", float32(0.5)},
		{"bool", true},
		{"u64", uint64(math.MaxUint64)},
		{"i64", int64(math.MinInt64)},
		{"f64", 0.1},
		{"none", []uint8{}},
		{"flags", []bool{true, false}},
	}
	bytesOf := func(n int) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i * 7)
		}
		return data
	}
	tensors := []Tensor{
		{Name: "f32", Type: F32, Shape: []int{2, 3, 5}, Data: bytesOf(120)},
		{Name: "f16", Type: F16, Shape: []int{3, 2}, Data: bytesOf(12)},
		{Name: "q8_0", Type: Q8_0, Shape: []int{2, 64}, Data: bytesOf(136)},
		{Name: "bf16", Type: BF16, Shape: []int{1}, Data: bytesOf(2)},
		{Name: "i32", Type: I32, Shape: []int{}, Data: bytesOf(4)},
		{Name: "i8", Type: I8, Shape: []int{1, 1, 1, 3}, Data: bytesOf(3)},
		{Name: "i64", Type: I64, Shape: []int{0}, Data: []byte{}},
	}
	return pairs, tensors
}

func TestGGUFRoundTrip(t *testing.T) {
	for _, alignment := range []uint32{8, 32, 4096} {
		t.Run(fmt.Sprint(alignment), func(t *testing.T) {
			pairs, tensors := exampleGGUF()
			pairs = append(pairs, ggufPair{ggufAlignmentKey, alignment})
			data := buildGGUF(pairs, tensors, int(alignment))
			f, err := OpenBytes("example.gguf", data)
			if err != nil {
				t.Fatal(err)
			}
			if f.Format != GGUF || f.Size() != int64(len(data)) || len(f.Metadata) != len(pairs) {
				t.Errorf("%v of %d bytes with %d keys", f.Format, f.Size(), len(f.Metadata))
			}
			for _, pair := range pairs {
				if got := f.Metadata[pair.key]; !reflect.DeepEqual(got, pair.value) {
					t.Errorf("%s is %T %v, want %T %v", pair.key, got, got, pair.value, pair.value)
				}
			}
			for i, want := range tensors {
				if got := tensor(t, f, f.Names()[i]); !reflect.DeepEqual(*got, want) {
					t.Errorf("tensor %+v, want %+v", *got, want)
				}
			}
		})
	}
}

// TestGGUFVersion2 differs from version 3 in nothing but the number.
func TestGGUFVersion2(t *testing.T) {
	pairs, tensors := exampleGGUF()
	data := buildGGUF(pairs, tensors, ggufAlignment)
	data[len(ggufMagic)] = 2
	f, err := OpenBytes("example.gguf", data)
	if err != nil || len(f.Names()) != len(tensors) {
		t.Error(err)
	}
}

func TestGGUFWithoutTensors(t *testing.T) {
	data := buildGGUF([]ggufPair{{"k", uint8(1)}}, nil, 1) // ends before the padding
	if f, err := OpenBytes("vocabulary.gguf", data); err != nil || f.Metadata["k"] != uint8(1) {
		t.Error(err)
	}
}

func TestGGUFTruncated(t *testing.T) {
	pairs, tensors := exampleGGUF()
	tensors = tensors[:len(tensors)-1] // the last one takes no bytes
	data := buildGGUF(pairs, tensors, ggufAlignment)
	for length := range data {
		if _, err := OpenBytes("example.gguf", data[:length]); err == nil {
			t.Errorf("%d of %d bytes opened", length, len(data))
		}
	}
}
