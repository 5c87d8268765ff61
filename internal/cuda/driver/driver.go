//go:build linux && (amd64 || arm64)

// Package driver binds the CUDA driver library, libcuda.so.1, without cgo. It is a thin layer: one method a function, no policy. Layouts
// and numbers are those of cuda.h, API version 11 and later; names carry the suffix of their current version, since a name
// without it is an older function with 32-bit sizes.
//
// The current context belongs to a thread of the operating system, so whoever works with one locks its goroutine to its thread.
package driver

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"sensevoice/internal/clib"
)

// Library is the loaded driver. Its methods may be called from several threads; each call takes a place of its own for results.
type Library struct {
	Path string
	lib  *clib.Library

	scratch *clib.Memory
	mu      sync.Mutex // guards free
	free    []int      // places in scratch
}

const (
	places    = 64
	placeSize = 1024
)

// MinVersion is the oldest driver API that has all that is called here and loads the kernels: CUDA 11.0, driver R450.
const MinVersion = 11000

// Search returns where the library may be, in the order to try. An override, if any, is the only place. Never a
// folder named stubs: what lies there answers every call with error 34.
func Search(override string) []string {
	if override != "" {
		return []string{override}
	}
	const wsl = "/usr/lib/wsl/lib/libcuda.so.1"
	paths := []string{"libcuda.so.1", wsl}
	if _, err := os.Stat(wsl); err == nil {
		paths = []string{wsl, "libcuda.so.1"}
	}
	if runtime.GOARCH == "arm64" {
		return append(paths, "/usr/lib/aarch64-linux-gnu/libcuda.so.1", "/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1",
			"/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1")
	}
	return append(paths, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1")
}

// Open loads the driver and calls nothing.
func Open(paths []string) (*Library, error) {
	lib, err := clib.Open(paths...)
	if err != nil {
		return nil, err
	}
	scratch, err := clib.NewMemory(places * placeSize)
	if err != nil {
		return nil, err
	}
	l := &Library{Path: lib.Path, lib: lib, scratch: scratch}
	for i := range places {
		l.free = append(l.free, i*placeSize)
	}
	return l, nil
}

// place is where one call's parameters and results lie: outside the Go heap, so that the collector does not matter.
type place struct {
	*clib.Memory
	offset int
}

func (p place) at(offset int) uintptr        { return p.Address(p.offset + offset) }
func (p place) u64(offset int) uint64        { return p.U64(p.offset + offset) }
func (p place) put32(offset int, v uint32)   { p.PutU32(p.offset+offset, v) }
func (p place) put64(offset int, v uint64)   { p.PutU64(p.offset+offset, v) }
func (p place) text(offset, n int) string    { return p.Text(p.offset+offset, n) }
func (p place) bytes(offset, n int) []byte   { return p.Bytes[p.offset+offset:][:n] }
func (p place) putText(offset int, s string) { p.PutText(p.offset+offset, s) }

// take returns an empty place. There are more than threads that call.
func (l *Library) take() place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) == 0 {
		panic(fmt.Sprintf("more than %d calls of the driver at once", places))
	}
	offset := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	clear(l.scratch.Bytes[offset:][:placeSize])
	return place{l.scratch, offset}
}

func (l *Library) giveBack(p place) {
	l.mu.Lock()
	l.free = append(l.free, p.offset)
	l.mu.Unlock()
}

// call calls a function.
func (l *Library) call(function string, args ...uintptr) error {
	switch code := l.lib.Call(function, args...); code {
	case 0:
		return nil
	case clib.Missing:
		return &Error{function, NotSupported}
	default:
		return &Error{function, Code(code)}
	}
}

// number calls f(&number, args...), which writes up to eight bytes.
func (l *Library) number(function string, args ...uintptr) (uint64, error) {
	p := l.take()
	defer l.giveBack(p)
	err := l.call(function, append([]uintptr{p.at(0)}, args...)...)
	return p.u64(0), err
}

// Init prepares the driver. It makes no context.
func (l *Library) Init() error { return l.call("cuInit", 0) }

// Version returns the newest CUDA that the driver supports: 12040 for 12.4.
func (l *Library) Version() (int, error) {
	v, err := l.number("cuDriverGetVersion")
	return int(v), err //nolint:gosec // a C int, never negative
}
