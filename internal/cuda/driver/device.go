//go:build linux && (amd64 || arm64)

package driver

import "fmt"

// Device is a GPU, by its place in CUDA's order among the visible ones.
type Device int32

// Attributes of a device that are asked for.
const (
	Multiprocessors   = 16
	Integrated        = 18
	ComputeMajor      = 75
	ComputeMinor      = 76
	VirtualMemory     = 102
	contextBlocking   = 4  // CU_CTX_SCHED_BLOCKING_SYNC: waiting takes no core
	contextKeepsLocal = 16 // CU_CTX_LMEM_RESIZE_TO_MAX: local memory does not come and go at run time
)

// Count returns the number of visible devices.
func (l *Library) Count() (int, error) {
	n, err := l.number("cuDeviceGetCount")
	return int(n), err //nolint:gosec // a C int, never negative
}

// Device returns visible device i.
func (l *Library) Device(i int) (Device, error) {
	d, err := l.number("cuDeviceGet", uintptr(i))
	return Device(d), err //nolint:gosec // a C int
}

// UUID returns a device's UUID as NVML writes it; of an instance under MIG that too begins with GPU-.
func (l *Library) UUID(d Device) (string, error) {
	p := l.take()
	defer l.giveBack(p)
	function := "cuDeviceGetUuid_v2"
	if !l.lib.Has(function) { // before 11.4
		function = "cuDeviceGetUuid"
	}
	if err := l.call(function, p.at(0), uintptr(d)); err != nil {
		return "", err
	}
	u := p.bytes(0, 16)
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}

// Name returns a device's product name.
func (l *Library) Name(d Device) (string, error) {
	p := l.take()
	defer l.giveBack(p)
	err := l.call("cuDeviceGetName", p.at(0), 128, uintptr(d))
	return p.text(0, 128), err
}

// Attribute returns a number about a device.
func (l *Library) Attribute(d Device, attribute int) (int, error) {
	v, err := l.number("cuDeviceGetAttribute", uintptr(attribute), uintptr(d))
	return int(int32(v)), err //nolint:gosec // a C int
}

// TotalMemory returns the bytes of a device.
func (l *Library) TotalMemory(d Device) (uint64, error) {
	return l.number("cuDeviceTotalMem_v2", uintptr(d))
}

// Context is where work on a device happens.
type Context uintptr

// Retain makes the device's primary context, which takes a few hundred megabytes of it, or counts one more user.
func (l *Library) Retain(d Device) (Context, error) {
	if err := l.call("cuDevicePrimaryCtxSetFlags_v2", uintptr(d), contextBlocking|contextKeepsLocal); err != nil {
		return 0, err
	}
	c, err := l.number("cuDevicePrimaryCtxRetain", uintptr(d))
	return Context(c), err
}

// Release counts one user less; the last one's ends the context.
func (l *Library) Release(d Device) error { return l.call("cuDevicePrimaryCtxRelease_v2", uintptr(d)) }

// SetCurrent makes the context that of the calling thread.
func (l *Library) SetCurrent(c Context) error { return l.call("cuCtxSetCurrent", uintptr(c)) }

// Synchronize waits until all work of the current context is done.
func (l *Library) Synchronize() error { return l.call("cuCtxSynchronize") }
