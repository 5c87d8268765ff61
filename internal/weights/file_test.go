package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/golden"
)

// open opens a file for the length of the test.
func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func tensor(t testing.TB, f *File, name string) *Tensor {
	t.Helper()
	found, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s has no tensor %q, only %q", f.Path, name, f.Names())
	}
	return found
}

func decode(t testing.TB, tensor *Tensor) []float32 {
	t.Helper()
	values := make([]float32, tensor.Elements())
	if err := tensor.Decode(values); err != nil {
		t.Fatal(err)
	}
	return values
}

// TestFloat32sDoesNotCopy clears the bytes that were opened, and sees it in every view.
func TestFloat32sDoesNotCopy(t *testing.T) {
	data, err := os.ReadFile(golden.Path("micro.pt"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenBytes("micro.pt", data)
	if err != nil {
		t.Fatal(err)
	}
	views := map[string][]float32{}
	for _, name := range f.Names() {
		values, ok := tensor(t, f, name).Float32s()
		if !ok || !slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
			t.Fatalf("%s: no view, or nothing in it", name)
		}
		views[name] = values
	}
	clear(data)
	for name, values := range views {
		if slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s: the view is a copy", name)
		}
	}
}

// TestOpenAllocatesLittle opens a file of 1 GiB, of which only the header takes room on disk.
func TestOpenAllocatesLittle(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED, needs mmap: windows reads the file into memory")
	}
	const rows, columns = 4096, 1 << 16
	header := fmt.Sprintf(`{"w":{"dtype":"F32","shape":[%d,%d],"data_offsets":[0,%d]}}`, rows, columns, 4*rows*columns)
	header += strings.Repeat(" ", -(8+len(header))&63)
	path := filepath.Join(t.TempDir(), "sparse.safetensors")
	start := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	if err := os.WriteFile(path, start, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(start)+4*rows*columns)); err != nil {
		t.Fatal(err)
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := open(t, path)
	values, ok := tensor(t, f, "w").Float32s()
	runtime.ReadMemStats(&after)
	if !ok || len(values) != rows*columns || values[len(values)-1] != 0 {
		t.Errorf("view of %d elements: %v", len(values), ok)
	}
	const budget = 64 << 10 // 9 KiB when this was written
	if got := after.TotalAlloc - before.TotalAlloc; got > budget {
		t.Errorf("opening %d bytes allocated %d, the budget is %d", f.Size(), got, budget)
	} else {
		t.Logf("opening %d bytes allocated %d", f.Size(), got)
	}
}

func TestCloseTwice(t *testing.T) {
	f := open(t, golden.Path("micro.pt"))
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, ok := f.Tensor("embed.weight"); ok || len(f.Names()) != 0 {
		t.Error("a closed file still hands out tensors")
	}
}

func TestFromTensors(t *testing.T) {
	four := make([]byte, 4)
	for _, test := range []struct {
		name    string
		tensors []Tensor
		want    string
	}{
		{"none", nil, ""},
		{"scalar", []Tensor{{Name: "a", Type: F32, Data: four}}, ""},
		{"empty tensor", []Tensor{{Name: "a", Type: F32, Shape: []int{0, 3}}}, ""},
		{"no name", []Tensor{{Type: F32, Data: four}}, "memory: a tensor has no name"},
		{"twice", []Tensor{{Name: "a", Type: F32, Data: four}, {Name: "a", Type: F32, Data: four}}, `memory: two tensors are named "a"`},
		{"short", []Tensor{{Name: "a", Type: F32, Shape: []int{2}, Data: four}}, "takes 8 bytes, not 4"},
		{"no type", []Tensor{{Name: "a", Data: four}}, "there is no Type(0)"},
		{"negative", []Tensor{{Name: "a", Type: F32, Shape: []int{-1}, Data: four}}, "negative size"},
		{"deep", []Tensor{{Name: "a", Type: F32, Shape: make([]int, 9)}}, "9 dimensions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := FromTensors("here", test.tensors, nil)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Path != "here" || f.Format != Memory || f.Metadata == nil || len(f.Names()) != len(test.tensors) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestFromTensorsDoesNotCopy(t *testing.T) {
	data := bytes.Repeat([]byte{1}, 12)
	f, err := FromTensors("here", []Tensor{{Name: "a", Type: F32, Shape: []int{3}, Data: data}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if &tensor(t, f, "a").Data[0] != &data[0] || f.Size() != 12 {
		t.Errorf("copied, or size %d", f.Size())
	}
}
