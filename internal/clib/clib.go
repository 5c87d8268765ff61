//go:build linux && (amd64 || arm64)

// Package clib calls C libraries that are found at run time, without cgo: loading, symbols, calls on a thread of their own
// under a deadline, and memory outside the Go heap for what C reads and writes. The bindings of the GPU's two libraries
// stand on it and need no unsafe code themselves.
//
// A program that imports it is dynamically linked (glibc), which is why the server does not and leaves GPUs to a helper program.
package clib

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// Library is a loaded C library. It is never unloaded: GPU libraries do not survive that.
type Library struct {
	Path   string // as it was found
	handle uintptr

	mu      sync.Mutex
	symbols map[string]uintptr // 0: the library has no such symbol
}

// NotFoundError says that a library is in none of the places where it may be.
type NotFoundError struct {
	Name   string
	Reason string // of the first place, by the loader
}

func (e *NotFoundError) Error() string { return e.Name + " cannot be loaded: " + e.Reason }

// Open loads the first of the paths that loads; a name without a slash is looked up by the loader. A path that exists and does
// not load, as a library of another architecture, ends the search with the loader's reason.
func Open(paths ...string) (*Library, error) {
	var first error
	for _, path := range paths {
		handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err == nil {
			return &Library{Path: path, handle: handle, symbols: map[string]uintptr{}}, nil
		}
		if first == nil {
			first = err
		}
		if _, missing := os.Stat(path); strings.Contains(path, "/") && !errors.Is(missing, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there and cannot be loaded: %w", path, err)
		}
	}
	return nil, &NotFoundError{paths[0], strings.TrimSpace(first.Error())}
}

// Has tells whether the library has a function.
func (l *Library) Has(name string) bool { return l.symbol(name) != 0 }

func (l *Library) symbol(name string) uintptr {
	l.mu.Lock()
	defer l.mu.Unlock()
	address, known := l.symbols[name]
	if !known {
		address, _ = purego.Dlsym(l.handle, name) // 0 on failure
		l.symbols[name] = address
	}
	return address
}

// Missing is what Call returns for a function that the library does not have: no C status in use here has this value.
const Missing int32 = -1 << 31

// Call calls a function whose parameters are integers and pointers and whose result is a C int.
func (l *Library) Call(name string, args ...uintptr) int32 {
	fn := l.symbol(name)
	if fn == 0 {
		return Missing
	}
	result, _, _ := purego.SyscallN(fn, args...)
	return int32(result) //nolint:gosec // the upper half is undefined
}
