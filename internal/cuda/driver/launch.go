//go:build linux && (amd64 || arm64)

package driver

import (
	"fmt"
	"math"

	"sensevoice/internal/clib"
)

// Stream is a queue of work; its parts run in order.
type Stream uintptr

// Event is a point in a stream.
type Event uintptr

// Module is a loaded image of kernels.
type Module uintptr

// Function is a kernel of a module.
type Function uintptr

// NewStream makes a stream that does not wait for the default one.
func (l *Library) NewStream() (Stream, error) {
	const nonBlocking = 1
	s, err := l.number("cuStreamCreate", nonBlocking)
	return Stream(s), err
}

// CloseStream ends a stream.
func (l *Library) CloseStream(s Stream) error { return l.call("cuStreamDestroy_v2", uintptr(s)) }

// Wait waits until all work of a stream is done.
func (l *Library) Wait(s Stream) error { return l.call("cuStreamSynchronize", uintptr(s)) }

// NewEvent makes an event that keeps its time.
func (l *Library) NewEvent() (Event, error) {
	e, err := l.number("cuEventCreate", 0)
	return Event(e), err
}

// CloseEvent ends an event.
func (l *Library) CloseEvent(e Event) error { return l.call("cuEventDestroy_v2", uintptr(e)) }

// Record puts an event into a stream.
func (l *Library) Record(e Event, s Stream) error {
	return l.call("cuEventRecord", uintptr(e), uintptr(s))
}

// Elapsed returns the milliseconds between two events that have passed.
func (l *Library) Elapsed(from, to Event) (float32, error) {
	ms, err := l.number("cuEventElapsedTime", uintptr(from), uintptr(to))
	return math.Float32frombits(uint32(ms)), err //nolint:gosec // a float in the low half
}

// LoadError is an image that the driver does not take, with what its compiler said.
type LoadError struct {
	Err error
	Log string
}

func (e *LoadError) Error() string {
	if e.Log == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v: %s", e.Err, e.Log)
}

// Unwrap returns the driver's error.
func (e *LoadError) Unwrap() error { return e.Err }

// Load loads PTX text or a compiled image.
func (l *Library) Load(image []byte) (Module, error) {
	const (
		errorLog, errorLogSize = 5, 6
		logSize                = 8192
		out, options, values   = 0, 16, 32 // of our part of the scratch
	)
	text, err := clib.NewMemory(len(image) + 1 + logSize) // PTX must end in a NUL byte
	if err != nil {
		return 0, err
	}
	defer text.Close()
	copy(text.Bytes, image)
	logAt := len(image) + 1
	p := l.take()
	defer l.giveBack(p)
	p.put32(options, errorLog)
	p.put32(options+4, errorLogSize)
	p.put64(values, uint64(text.Address(logAt)))
	p.put64(values+8, logSize) // the driver takes the number itself in the pointer's place
	err = l.call("cuModuleLoadDataEx", p.at(out), text.Address(0), 2, p.at(options), p.at(values))
	if err != nil {
		return 0, &LoadError{err, text.Text(logAt, logSize)}
	}
	return Module(p.u64(out)), nil
}

// Unload ends a module.
func (l *Library) Unload(m Module) error { return l.call("cuModuleUnload", uintptr(m)) }

// Function finds a kernel in a module.
func (l *Library) Function(m Module, name string) (Function, error) {
	p := l.take()
	defer l.giveBack(p)
	p.putText(64, name)
	if err := l.call("cuModuleGetFunction", p.at(0), uintptr(m), p.at(64)); err != nil {
		return 0, fmt.Errorf("kernel %s: %w", name, err)
	}
	return Function(p.u64(0)), nil
}

// FunctionAttribute returns a number about a kernel; asking for one loads its code.
func (l *Library) FunctionAttribute(f Function, attribute int) (int, error) {
	v, err := l.number("cuFuncGetAttribute", uintptr(attribute), uintptr(f))
	return int(int32(v)), err //nolint:gosec // a C int
}

// Grid is how a kernel is launched.
type Grid struct {
	Blocks  [3]uint32
	Threads uint32 // of a block
	Shared  uint32 // bytes of dynamic shared memory
}

// Launch puts a kernel into a stream. The parameters are packed as C lays them out, and copied before it returns.
func (l *Library) Launch(f Function, g Grid, s Stream, parameters []byte) error {
	const extra, size, block = 0, 48, 64
	const bufferPointer, bufferSize, end = 1, 2, 0
	if len(parameters) > placeSize-block {
		return fmt.Errorf("%d bytes of parameters, at most %d", len(parameters), placeSize-block)
	}
	p := l.take()
	defer l.giveBack(p)
	copy(p.bytes(block, len(parameters)), parameters)
	p.put64(size, uint64(len(parameters)))
	for i, v := range []uint64{bufferPointer, uint64(p.at(block)), bufferSize, uint64(p.at(size)), end} {
		p.put64(extra+8*i, v)
	}
	return l.call("cuLaunchKernel", uintptr(f), uintptr(g.Blocks[0]), uintptr(g.Blocks[1]), uintptr(g.Blocks[2]), uintptr(g.Threads), 1, 1,
		uintptr(g.Shared), uintptr(s), 0, p.at(extra))
}
