//go:build linux && (amd64 || arm64)

package smoke

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"sensevoice/internal/cuda/stub"
)

// TestSmoke runs on the stub driver, which computes the kernels in C, as it will on a GPU.
func TestSmoke(t *testing.T) {
	m, err := stub.New(t.TempDir(), stub.GPU{Name: "card", Total: 24 << 30})
	if errors.Is(err, stub.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, pair := range m.Env() {
		key, value, _ := strings.Cut(pair, "=")
		t.Setenv(key, value)
	}
	for _, blocks := range []bool{false, true} {
		var out bytes.Buffer
		o := Options{CUDA: os.Getenv("SENSEVOICE_LIBCUDA"), Free: map[string]uint64{stub.UUID(0): 24 << 30}, Blocks: blocks}
		if err := Run(&out, o); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
		if !strings.Contains(out.String(), "taking 400 MiB") {
			t.Errorf("the context was not measured:\n%s", out.String())
		}
		if checks := strings.Count(out.String(), "\nok "); checks != 17 || m.Held(0) != 0 {
			t.Errorf("%d checks; %d bytes are left\n%s", checks, m.Held(0), out.String())
		}
	}
	// What is wrong must be found.
	m.Add(stub.Rule{Function: "cuMemCreate", From: m.Calls("cuMemCreate") + 4, Count: 1, Action: stub.Take, Value: 5 << 20})
	m.Add(stub.Rule{Function: "cuLaunchKernel", From: m.Calls("cuLaunchKernel") + 3, Count: 1, Action: stub.Skip})
	var out bytes.Buffer
	err = Run(&out, Options{CUDA: os.Getenv("SENSEVOICE_LIBCUDA"), Free: map[string]uint64{stub.UUID(0): 24 << 30}})
	if err == nil || !strings.Contains(out.String(), "WRONG   growing to") || !strings.Contains(out.String(), "WRONG   gemm_bias") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
