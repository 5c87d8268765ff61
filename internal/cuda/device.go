//go:build linux && (amd64 || arm64)

// Package cuda holds one GPU for this process: its context, a stream, and the memory operations that the arena is made of. It belongs
// to the goroutine that opened it, which it locks to its thread, since the driver keeps the current context by thread.
package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/cuda/mem"
)

// Device is an open GPU. It is a mem.Device.
type Device struct {
	Name     string
	UUID     string
	Overhead uint64 // bytes that the context took, measured; others who took or freed at that moment count too
	Stream   driver.Stream

	driver  *driver.Library
	device  driver.Device
	granule uint64 // 0: the device cannot map
}

var _ mem.Device = (*Device)(nil)

// Options say how to hold memory.
type Options struct {
	Blocks bool // allocate blocks although the device can map: for shims that do not bear it
}

// Open makes a context on visible device i and locks the goroutine to its thread for good. Overhead is measured against free bytes that
// were seen before, by NVML; 0 if unknown.
func Open(l *driver.Library, i int, freeBefore uint64, o Options) (*Device, error) {
	runtime.LockOSThread()
	device, err := l.Device(i)
	if err != nil {
		return nil, err
	}
	d := &Device{driver: l, device: device}
	if d.UUID, err = l.UUID(device); err != nil {
		return nil, err
	}
	if d.Name, err = l.Name(device); err != nil {
		return nil, err
	}
	context, err := l.Retain(device)
	if err != nil {
		return nil, refused(err)
	}
	if err := d.begin(context, o); err != nil {
		return nil, errors.Join(err, l.Release(device))
	}
	free, _, err := d.Info()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Overhead = freeBefore - min(freeBefore, free)
	return d, nil
}

func (d *Device) begin(context driver.Context, o Options) error {
	if err := d.driver.SetCurrent(context); err != nil {
		return err
	}
	maps, err := d.driver.Attribute(d.device, driver.VirtualMemory)
	if err != nil {
		return err
	}
	if maps == 1 && !o.Blocks {
		if d.granule, err = d.driver.Granularity(d.device); err != nil {
			return err
		}
		if d.granule == 0 || d.granule > 1<<30 {
			return fmt.Errorf("%s: memory comes in units of %d bytes, which cannot be", d.Name, d.granule)
		}
	}
	d.Stream, err = d.driver.NewStream()
	return refused(err)
}

// refused marks an error that means no memory as what the arena can live with.
func refused(err error) error {
	if driver.ClassOf(err) == driver.Memory && err != nil {
		return fmt.Errorf("%w: %w", mem.ErrRefused, err)
	}
	return err
}

// Fatal tells whether an error, or one of several that were joined, has broken the context: the process must end, without any further
// call.
func Fatal(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself, for any fatal error in it
	case nil:
		return false
	case *driver.Error:
		return e.Code.Class() == driver.Fatal
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), Fatal)
	}
	return Fatal(errors.Unwrap(err))
}

// Granularity is part of mem.Device.
func (d *Device) Granularity() uint64 { return d.granule }

// Reserve is part of mem.Device.
func (d *Device) Reserve(bytes uint64) (uint64, error) {
	a, err := d.driver.Reserve(bytes)
	return uint64(a), refused(err)
}

// Unreserve is part of mem.Device.
func (d *Device) Unreserve(address, bytes uint64) error {
	return d.driver.FreeReservation(driver.Address(address), bytes)
}

// Map is part of mem.Device. The handle is released at once: the mapping keeps the memory, and unmapping frees it.
func (d *Device) Map(address, bytes uint64) error {
	h, err := d.driver.Create(d.device, bytes)
	if err != nil {
		return refused(err)
	}
	at := driver.Address(address)
	if err := d.driver.Map(at, bytes, h); err != nil {
		return undo(refused(err), d.driver.ReleasePhysical(h))
	}
	if err := d.driver.AllowAccess(at, bytes, d.device); err != nil {
		return undo(refused(err), d.driver.Unmap(at, bytes), d.driver.ReleasePhysical(h))
	}
	if err := d.driver.ReleasePhysical(h); err != nil {
		return undo(err, d.driver.Unmap(at, bytes))
	}
	return nil
}

// undo returns the error, or, if taking back what was done failed, an error that nobody takes for a mere refusal.
func undo(err error, steps ...error) error {
	if failed := errors.Join(steps...); failed != nil {
		return fmt.Errorf("%v, and taking back what it left failed: %w", err, failed) //nolint:errorlint // see above
	}
	return err
}

// Unmap is part of mem.Device. The driver does not wait for kernels that use the memory, so this does.
func (d *Device) Unmap(address, bytes uint64) error {
	if err := d.driver.Wait(d.Stream); err != nil {
		return err
	}
	return d.driver.Unmap(driver.Address(address), bytes)
}

// Alloc is part of mem.Device.
func (d *Device) Alloc(bytes uint64) (uint64, error) {
	a, err := d.driver.Alloc(bytes)
	return uint64(a), refused(err)
}

// Free is part of mem.Device.
func (d *Device) Free(address uint64) error {
	if err := d.driver.Wait(d.Stream); err != nil {
		return err
	}
	return d.driver.Free(driver.Address(address))
}

// Info is part of mem.Device.
func (d *Device) Info() (free, total uint64, err error) { return d.driver.MemoryInfo() }

// Driver returns the driver, for launching kernels.
func (d *Device) Driver() *driver.Library { return d.driver }

// Close ends stream and context. After a fatal error it must not be called: the process ends instead.
func (d *Device) Close() error {
	return errors.Join(d.driver.CloseStream(d.Stream), d.driver.Release(d.device))
}
