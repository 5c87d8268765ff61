//go:build linux && (amd64 || arm64)

package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImageIsCurrent fails when the source was changed and not compiled: run go generate where clang-19 is.
func TestImageIsCurrent(t *testing.T) {
	sum := sha256.New()
	for _, name := range []string{"prelude.h", "norm.cu", "front.cu", "gemm.cu", "attention.cu", "fsmn.cu", "kernels.cu"} {
		data, err := os.ReadFile(filepath.Join("cu", name))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(data)
	}
	want, err := os.ReadFile("kernels.sum")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != strings.TrimSpace(string(want)) {
		t.Errorf("cu/ has %s, kernels.ptx was made of %s", got, want)
	}
}

// TestImage holds what every driver from 450 on must be able to load, and that no kernel needs local memory, which the driver would take.
func TestImage(t *testing.T) {
	text := string(image)
	for _, want := range []string{".version 7.0\n", ".target sm_80\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "\t.local ") {
		t.Error("a kernel keeps something in local memory")
	}
	if got := strings.Count(text, ".entry "); got != len(Names) {
		t.Errorf("%d kernels in the image, %d names", got, len(Names))
	}
	for _, name := range Names {
		if !strings.Contains(text, ".entry "+name+"(") {
			t.Errorf("no kernel %s", name)
		}
	}
}

// TestEmulation runs the same source on the host against double precision.
func TestEmulation(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of thousands of fibers")
	}
	clang, err := exec.LookPath("clang++-19")
	if err != nil {
		t.Skip("the kernels are emulated where clang++-19 is installed")
	}
	program := filepath.Join(t.TempDir(), "emulate")
	if out, err := exec.Command(clang, "-DEMULATE", "-x", "c++", "-std=c++17", "-O1", "-w", "cu/emulate_test.cc", "-o", program, "-lm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if lines := strings.Count(string(out), "\n"); lines != 9 {
		t.Errorf("%d checks, want 9:\n%s", lines, out)
	}
}
