package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sensevoice/internal/cuda/stub"
)

// gpuHelper builds the helper program.
func gpuHelper(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("GPUs are used on Linux only")
	}
	path := filepath.Join(t.TempDir(), "sensevoice-gpu")
	if out, err := exec.Command("go", "build", "-o", path, "sensevoice/cmd/sensevoice-gpu").CombinedOutput(); err != nil {
		t.Fatalf("build the helper: %v\n%s", err, out)
	}
	return path
}

// rack are eight 24 GB cards that other services nearly fill, as in an operator's report.
func rack() []stub.GPU {
	const gib = 1 << 30
	total := uint64(gib / 100 * 2353)
	var cards []stub.GPU
	for i, free := range []uint64{31, 58, 112, 2, 433, 287, 44, 390} { // hundredths of a GiB
		cards = append(cards, stub.GPU{
			Name: "NVIDIA GeForce RTX 3090", Total: total, Ordinal: uint64(i), Utilisation: uint64(90 + i), Temp: uint64(60 + i),
			Processes: []stub.Process{{PID: uint64(3_000_000 + i), Bytes: total - free*(gib/100), Name: "/usr/bin/python3"}},
		})
	}
	return cards
}

// TestGPUScripts runs the commands about GPUs as users do, on a stub machine of eight cards.
func TestGPUScripts(t *testing.T) {
	helper := gpuHelper(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "gpu"),
		Setup: func(env *testscript.Env) error {
			m, err := stub.New(env.WorkDir, rack()...)
			if errors.Is(err, stub.ErrNoCompiler) {
				t.Skip(err)
			}
			if err != nil {
				return err
			}
			env.Defer(func() { m.Close() })
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("SENSEVOICE_GPU_HELPER", helper)
			for _, pair := range m.Env() {
				key, value, _ := strings.Cut(pair, "=")
				env.Setenv(key, value)
			}
			return nil
		},
	})
}
