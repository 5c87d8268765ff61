package weights

import (
	"fmt"
	"path/filepath"
	"testing"
)

// The two files were written by the formats' own Python libraries, gguf and safetensors, with the same
// numbers in every type: element i of 3 × 64 is (i mod 23 - 11) / 8, which each type holds closely.
func TestFilesOfTheFormatsOwnLibraries(t *testing.T) {
	for file, tensors := range map[string][]string{
		"library.gguf":        {"f32", "f16", "q8_0"},
		"library.safetensors": {"f32", "f16"},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := Open(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, name := range tensors {
				checkLibraryTensor(t, f, name)
			}
		})
	}
}

func checkLibraryTensor(t *testing.T, f *File, name string) {
	t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s among %v", name, f.Names())
	}
	if got := fmt.Sprint(tensor.Shape); got != "[3 64]" {
		t.Fatalf("%s: shape %s, want [3 64]", name, got)
	}
	values := make([]float32, tensor.Elements())
	if err := tensor.Decode(values); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		want := float32(i%23-11) / 8
		if diff := v - want; !(diff <= 0.006 && diff >= -0.006) {
			t.Fatalf("%s[%d] = %v, want %v", name, i, v, want)
		}
	}
}
