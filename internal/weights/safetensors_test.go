package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func exampleTensors() []Tensor {
	return []Tensor{
		{Name: "half", Type: F16, Shape: []int{3}, Data: []byte{0, 0x3c, 0, 0xc0, 1, 0}},
		{Name: "byte", Type: U8, Shape: []int{1, 3}, Data: []byte{1, 2, 3}},
		{Name: "float \"<é>\"", Type: F32, Shape: []int{1, 2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf}},
		{Name: "brain", Type: BF16, Shape: []int{1}, Data: []byte{0x80, 0x3f}},
		{Name: "scalar", Type: I64, Shape: []int{}, Data: []byte{8, 7, 6, 5, 4, 3, 2, 1}},
		{Name: "empty", Type: I32, Shape: []int{2, 0}, Data: []byte{}},
		{Name: "signed", Type: I8, Shape: []int{1}, Data: []byte{0xff}},
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	metadata := map[string]string{"format": "pt", "note": "a \"quoted\" <note>"}
	tensors := exampleTensors()
	var first, second bytes.Buffer
	if err := WriteSafetensors(&first, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(tensors)
	if err := WriteSafetensors(&second, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the file depends on the order of the tensors")
	}
	if start := 8 + binary.LittleEndian.Uint64(first.Bytes()); start%64 != 0 {
		t.Errorf("data begins at byte %d", start)
	}
	f, err := OpenBytes("example.safetensors", first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if f.Format != Safetensors || len(f.Names()) != len(tensors) {
		t.Errorf("%v with tensors %q", f.Format, f.Names())
	}
	for _, want := range tensors {
		if got := tensor(t, f, want.Name); !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v, want %+v", *got, want)
		}
	}
	if want := map[string]any{"format": "pt", "note": metadata["note"]}; !reflect.DeepEqual(f.Metadata, want) {
		t.Errorf("metadata %v, want %v", f.Metadata, want)
	}
	if half := decode(t, tensor(t, f, "half")); !slices.Equal(half, []float32{1, -2, 0x1p-24}) {
		t.Errorf("half is %v", half)
	}
	if _, ok := tensor(t, f, "float \"<é>\"").Float32s(); !ok && littleEndian {
		t.Error("a written float32 tensor is not aligned")
	}
}

func TestSafetensorsWithoutTensors(t *testing.T) {
	var out bytes.Buffer
	if err := WriteSafetensors(&out, nil, nil); err != nil {
		t.Fatal(err)
	}
	f, err := OpenBytes("none.safetensors", out.Bytes())
	if err != nil || len(f.Names()) != 0 || f.Metadata == nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestSafetensorsTruncated(t *testing.T) {
	var out bytes.Buffer
	if err := WriteSafetensors(&out, exampleTensors(), nil); err != nil {
		t.Fatal(err)
	}
	for length := range out.Len() {
		if _, err := OpenBytes("example.safetensors", out.Bytes()[:length]); err == nil {
			t.Errorf("%d of %d bytes opened", length, out.Len())
		}
	}
}

func TestWriteSafetensorsRefuses(t *testing.T) {
	one := []byte{1}
	for _, test := range []struct {
		name     string
		tensors  []Tensor
		metadata map[string]string
		want     string
	}{
		{"quantised", []Tensor{{Name: "q", Type: Q8_0, Shape: []int{32}, Data: make([]byte, 34)}}, nil, "the format has no Q8_0"},
		{"twice", []Tensor{{Name: "a", Type: U8, Data: one}, {Name: "a", Type: U8, Data: one}}, nil, `"a" is reserved, not UTF-8 or used twice`},
		{"reserved", []Tensor{{Name: "__metadata__", Type: U8, Data: one}}, nil, "is reserved"},
		{"no name", []Tensor{{Type: U8, Data: one}}, nil, "is reserved"},
		{"not UTF-8", []Tensor{{Name: "\xff", Type: U8, Data: one}}, nil, "not UTF-8"},
		{"metadata not UTF-8", nil, map[string]string{"k": "\xff"}, "not UTF-8"},
		{"short", []Tensor{{Name: "a", Type: F32, Data: one}}, nil, "takes 4 bytes, not 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			err := WriteSafetensors(&out, test.tensors, test.metadata)
			if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() != 0 {
				t.Errorf("error is %v, want %q; %d bytes were written", err, test.want, out.Len())
			}
		})
	}
}

// fullDisk accepts so many writes.
type fullDisk struct{ writes int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.writes == 0 {
		return 0, errFull
	}
	d.writes--
	return len(p), nil
}

func TestWriteSafetensorsReportsWriteErrors(t *testing.T) {
	for writes := range 3 {
		if err := WriteSafetensors(&fullDisk{writes}, exampleTensors(), nil); !errors.Is(err, errFull) {
			t.Errorf("after %d writes: %v", writes, err)
		}
	}
}
