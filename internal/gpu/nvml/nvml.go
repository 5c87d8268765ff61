//go:build linux && (amd64 || arm64)

// Package nvml asks NVIDIA's management library what GPUs a machine has and who uses them. It makes no context on a GPU and takes
// none of its memory. Every call has a deadline, since a lost GPU can keep one for ever; after the first that hangs, the
// library is not called again.
//
// Layouts and codes are those of nvml.h (API version 12).
package nvml

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"sensevoice/internal/clib"
)

// Library is the loaded and initialised library.
type Library struct {
	Path    string
	lib     *clib.Library
	thread  *clib.Thread
	scratch *clib.Memory // for what calls write; not unmapped after a hang

	mu sync.Mutex // guards scratch: it is held from a call until its results are read
}

const (
	scratchSize = 1 << 16
	outOffset   = 0    // where a call's results go
	inOffset    = 1024 // a second parameter
)

// Error is a call that the library refused.
type Error struct {
	Function string
	Code     Code
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Function, e.Code) }

// Code is what a call returned.
type Code int32

// Codes that callers tell apart.
const (
	Success          Code = 0
	NotSupported     Code = 3
	NoPermission     Code = 4
	NotFound         Code = 6
	InsufficientSize Code = 7
	DriverNotLoaded  Code = 9
	Timeout          Code = 10
	FunctionNotFound Code = 13
	GPUIsLost        Code = 15
	ResetRequired    Code = 16
	VersionMismatch  Code = 18
	Unknown          Code = 999
)

var codeNames = map[Code]string{
	0: "success", 1: "uninitialised", 2: "invalid argument", 3: "not supported", 4: "no permission", 6: "not found", 7: "insufficient size",
	9: "driver not loaded", 10: "timeout", 13: "function not found", 15: "GPU is lost", 16: "reset required", 17: "operating system error",
	18: "library and kernel module differ", 25: "argument version mismatch", 999: "unknown error",
}

// String names the code.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return fmt.Sprintf("%s (NVML %d)", name, int32(c))
	}
	return fmt.Sprintf("NVML error %d", int32(c))
}

// Is tells whether an error is a refusal with this code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Search returns where the library may be, in the order to try. An override, if any, is the only place.
func Search(override string) []string {
	if override != "" {
		return []string{override}
	}
	paths := []string{"libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"}
	if _, err := os.Stat(paths[1]); err == nil { // the one that a distribution may bring does not work there
		paths[0], paths[1] = paths[1], paths[0]
	}
	if runtime.GOARCH == "arm64" {
		paths = append(paths, "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1")
	} else {
		paths = append(paths, "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/usr/lib64/libnvidia-ml.so.1")
	}
	return append(paths, "/usr/local/nvidia/lib64/libnvidia-ml.so.1")
}

// Open loads and initialises the library. Its calls may take so long each.
func Open(paths []string, deadline time.Duration) (*Library, error) {
	scratch, err := clib.NewMemory(scratchSize)
	if err != nil {
		return nil, err
	}
	l := &Library{thread: clib.NewThread(deadline), scratch: scratch}
	var opened *clib.Library
	var openErr error
	if err := l.thread.Do("loading "+paths[0], func() { opened, openErr = clib.Open(paths...) }); err != nil {
		return nil, err
	}
	if openErr != nil {
		l.release()
		return nil, openErr
	}
	l.lib, l.Path = opened, opened.Path
	if err := l.call("nvmlInit_v2"); err != nil {
		var hang *clib.HangError
		if !errors.As(err, &hang) {
			l.release()
		}
		return nil, err
	}
	return l, nil
}

func (l *Library) release() {
	l.thread.Close()
	l.scratch.Close()
}

// Close shuts the library down. After a hang it leaves everything as it is.
func (l *Library) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.call("nvmlShutdown")
	var hang *clib.HangError
	if !errors.As(err, &hang) {
		l.release()
	}
	return err
}

// call calls a function on the library's thread. Callers hold mu if it writes to scratch.
func (l *Library) call(function string, args ...uintptr) error {
	var result int32
	if err := l.thread.Do(function, func() { result = l.lib.Call(function, args...) }); err != nil {
		return err
	}
	switch result {
	case 0:
		return nil
	case clib.Missing:
		return &Error{function, FunctionNotFound}
	}
	return &Error{function, Code(result)}
}

// first calls the first of the functions that the library has.
func (l *Library) first(functions []string, args ...uintptr) error {
	for _, f := range functions {
		if err := l.call(f, args...); !Is(err, FunctionNotFound) {
			return err
		}
	}
	return &Error{functions[0], FunctionNotFound}
}

func (l *Library) out() uintptr { return l.scratch.Address(outOffset) }

// text calls a function that writes a C string: f(before..., buffer, size).
func (l *Library) text(function string, size int, before ...uintptr) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.scratch.Bytes[:size])
	err := l.call(function, append(before, l.out(), uintptr(size))...)
	if err != nil {
		return "", err
	}
	return l.scratch.Text(outOffset, size), nil
}

// number calls a function that writes a C int: f(before..., &number).
func (l *Library) number(function string, before ...uintptr) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scratch.PutU64(outOffset, 0)
	err := l.call(function, append(before, l.out())...)
	return int(int32(l.scratch.U32(outOffset))), err //nolint:gosec // a C int
}

// DriverVersion returns the driver's version, such as "550.54.15".
func (l *Library) DriverVersion() (string, error) { return l.text("nvmlSystemGetDriverVersion", 80) }

// Version returns the library's own version.
func (l *Library) Version() (string, error) { return l.text("nvmlSystemGetNVMLVersion", 80) }

// CUDAVersion returns the newest CUDA that the driver supports: 12040 for 12.4.
func (l *Library) CUDAVersion() (int, error) { return l.number("nvmlSystemGetCudaDriverVersion_v2") }
