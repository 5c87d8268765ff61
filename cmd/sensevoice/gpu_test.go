package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sensevoice/internal/cuda/stub"
	"sensevoice/internal/gpu"
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

// TestServeSaysWhy starts a server's choice where GPUs cannot be used: the CPU serves, and one line says why.
func TestServeSaysWhy(t *testing.T) {
	m, err := stub.New(t.TempDir(), rack()...)
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
	helper := gpuHelper(t)
	rule := func(function string, action, value uint64) stub.Rule {
		return stub.Rule{Function: function, From: 1, Count: stub.Always, Action: action, Value: value}
	}
	for _, c := range []struct {
		rules []stub.Rule
		want  []string // one of them
	}{
		{nil, []string{"this version has no GPU engine yet"}},
		// the helper's own limit, or on a machine that is very busy the one on the helper
		{[]stub.Rule{rule("nvmlInit_v2", stub.Hang, 0)}, []string{
			"the NVIDIA driver does not answer: nvmlInit_v2 did not answer within 1.5s",
			"sensevoice-gpu does not answer: the GPU driver hangs (no answer within 3.5s)",
		}},
		{[]stub.Rule{rule("cuInit", stub.Fail, 34)}, []string{"the CUDA driver cannot start: cuInit: stub library (CUDA 34)"}},
	} {
		m.ClearRules()
		for _, r := range c.rules {
			m.Add(r)
		}
		var out bytes.Buffer
		p := &program{getenv: func(string) string { return "" }}
		s, err := gpu.NewSettings("auto", 0.95, -1, func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		s.Helper = helper
		device, reason, err := p.chooseDevice(t.Context(), s, slog.New(slog.NewTextHandler(&out, nil)))
		says := slices.ContainsFunc(c.want, func(want string) bool { return strings.Contains(reason, want) })
		if err != nil || device != "cpu" || !says || strings.Count(out.String(), "\n") != 1 ||
			!strings.Contains(out.String(), "No GPU can be used, the CPU serves: ") {
			t.Errorf("%s, %q, %v: %s", device, reason, err, out.String())
		}
	}
}
