package weights

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// seed adds the files of testdata that match any of the patterns.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no seeds for %s: %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
}

// checkOpen opens hostile bytes: an error must be a FormatError, tensors must be what they say, and
// memory must stay in proportion to the file.
func checkOpen(t *testing.T, data []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := OpenBytes("fuzz", data)
	runtime.ReadMemStats(&after)
	if budget := uint64(1<<20 + 200*len(data)); after.TotalAlloc-before.TotalAlloc > budget {
		t.Errorf("%d bytes allocated %d, the budget is %d", len(data), after.TotalAlloc-before.TotalAlloc, budget)
	}
	if err != nil {
		if place, ok := errors.AsType[*FormatError](err); !ok || place.Offset > int64(len(data)) {
			t.Errorf("%#v is not a FormatError inside %d bytes", err, len(data))
		}
		return
	}
	for _, name := range f.Names() {
		tensor := tensor(t, f, name)
		if len(tensor.Data) > len(data) || len(tensor.Data) != tensor.Type.Bytes(tensor.Elements()) {
			t.Errorf("tensor %q: %d bytes for %v %v", name, len(tensor.Data), tensor.Type, tensor.Shape)
		}
		err := tensor.Decode(make([]float32, tensor.Elements()))
		isFloat := tensor.Type <= Q8_0
		if (err == nil) != isFloat {
			t.Errorf("tensor %q of %v: %v", name, tensor.Type, err)
		}
	}
}

func FuzzPyTorch(f *testing.F) {
	seed(f, "*.pt")
	f.Fuzz(checkOpen)
}

func FuzzGGUF(f *testing.F) {
	pairs, tensors := exampleGGUF()
	f.Add(buildGGUF(pairs, tensors, ggufAlignment))
	seed(f, "*.gguf")
	f.Fuzz(checkOpen)
}

func FuzzSafetensors(f *testing.F) {
	var out bytes.Buffer
	if err := WriteSafetensors(&out, exampleTensors(), map[string]string{"format": "pt"}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	seed(f, "*.safetensors", "*.bin")
	f.Fuzz(checkOpen)
}

// FuzzPickle needs no archive around a program, and so gets further into it than FuzzPyTorch.
func FuzzPickle(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.pt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		archive, err := openZip(data)
		if err != nil {
			continue
		}
		for name := range archive.entries {
			if program, _, _, err := archive.open(name); err == nil && filepath.Base(name) == "data.pkl" {
				f.Add(program)
			}
		}
	}
	storage := make([]byte, 24)
	f.Fuzz(func(t *testing.T, program []byte) {
		value, err := unpickle(program, 0, func(string) ([]byte, error) { return storage, nil })
		if err == nil {
			var tensors []Tensor
			tensors, err = stateDict(value, 0)
			for i := range tensors {
				if err := tensors[i].check(); err != nil {
					t.Error(err)
				}
			}
		}
		if _, ok := errors.AsType[*FormatError](err); err != nil && !ok {
			t.Errorf("%#v is not a FormatError", err)
		}
	})
}
