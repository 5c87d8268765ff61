// Package stub makes machines with GPUs that are not there, for tests: a libcuda.so.1 and a libnvidia-ml.so.1 written in C
// (folder c), built with the machine's C compiler, which behave as the driver does: any number of GPUs of any size, virtual
// memory management, neighbours that take and free, and on request a refusal of call k, sticky errors, hangs and lost GPUs.
//
// Their state lies in a file that every process with one of the libraries maps, so that a test sees what a worker process
// does, and does to it what neighbours would.
package stub

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

//go:embed c
var source embed.FS

// ErrNoCompiler says that the stub libraries cannot be built here. Tests skip aloud.
var ErrNoCompiler = errors.New("the stub GPU libraries need Linux and a C compiler (gcc or cc)")

// Paths are the files of the stub libraries.
type Paths struct{ CUDA, NVML string }

// Libraries builds the stub libraries, or finds those that an earlier run built from the same source.
var Libraries = sync.OnceValues(build)

func build() (Paths, error) {
	compiler, err := compiler()
	if err != nil {
		return Paths{}, err
	}
	entries, err := source.ReadDir("c")
	if err != nil {
		return Paths{}, err
	}
	sum := sha256.New()
	texts := map[string][]byte{}
	for _, e := range entries {
		text, err := source.ReadFile("c/" + e.Name())
		if err != nil {
			return Paths{}, err
		}
		texts[e.Name()] = text
		fmt.Fprintf(sum, "%s %d\n%s", e.Name(), len(text), text)
	}
	final := filepath.Join(os.TempDir(), "sensevoice-stub-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	paths := Paths{CUDA: filepath.Join(final, "libcuda.so.1"), NVML: filepath.Join(final, "libnvidia-ml.so.1")}
	if _, err := os.Stat(final); err == nil {
		return paths, nil
	}
	work, err := os.MkdirTemp(os.TempDir(), "sensevoice-stub-")
	if err != nil {
		return Paths{}, err
	}
	defer os.RemoveAll(work)
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(work, name), text, 0o600); err != nil {
			return Paths{}, err
		}
	}
	if err := link(compiler, work, "libcuda.so.1", "sim.c", "cuda.c", "memory.c", "kernels.c"); err != nil {
		return Paths{}, err
	}
	if err := link(compiler, work, "libnvidia-ml.so.1", "sim.c", "nvml.c"); err != nil {
		return Paths{}, err
	}
	if err := os.Rename(work, final); err != nil && !os.IsExist(err) {
		if _, there := os.Stat(final); there != nil { // else another test process was first
			return Paths{}, err
		}
	}
	return paths, nil
}

func compiler() (string, error) {
	if runtime.GOOS != "linux" {
		return "", ErrNoCompiler
	}
	for _, name := range []string{"gcc", "cc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoCompiler
}

func link(compiler, dir, library string, sources ...string) error {
	args := append([]string{"-std=gnu11", "-O2", "-fPIC", "-shared", "-o", library}, sources...)
	cmd := exec.Command(compiler, append(args, "-lpthread", "-lm")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", library, err, out)
	}
	return nil
}
