// Package mem is the memory of one GPU as this program holds it: what a batch takes in bytes before it runs, the arena that it runs in, and the
// policy by which the arena grows, shrinks and gives back.
//
// The arena is weights, a floor that is large enough for one longest segment, and an elastic part, in this order. Weights and
// floor are taken at start and kept while serving. The elastic part grows at the tail before a batch is admitted, and only within three
// bounds: a cap on all that is held; a headroom that stays free for neighbours; and what the driver gives. When it cannot grow, the
// batch gets smaller and nothing fails. It goes back piece by piece, the last first: after ten idle seconds, when neighbours
// need their headroom, and on request.
//
// The package calls no driver. It works on a [Device], which the cuda room implements.
package mem

import (
	"errors"
	"fmt"
)

// Device is what the arena needs of a GPU. It is called from one goroutine.
type Device interface {
	// Granularity is what sizes of mapped memory must be multiples of; 0 if the device cannot map, and blocks must do.
	Granularity() uint64
	// Reserve takes addresses without memory.
	Reserve(bytes uint64) (address uint64, err error)
	// Unreserve gives them back.
	Unreserve(address, bytes uint64) error
	// Map takes memory and puts it at an address of a reservation. After an error it holds nothing more than before.
	Map(address, bytes uint64) error
	// Unmap waits until the device is still, and gives back what one Map took.
	Unmap(address, bytes uint64) error
	// Alloc takes a block of memory.
	Alloc(bytes uint64) (address uint64, err error)
	// Free waits until the device is still, and gives a block back.
	Free(address uint64) error
	// Info returns the device's free and total bytes. Others may be faster: only Map and Alloc tell.
	Info() (free, total uint64, err error)
}

// ErrRefused is wrapped by what a Device returns when there is no memory to be had: nothing is broken, and asking for less, or later, may
// do. Any other error means that the device cannot be relied on any more.
var ErrRefused = errors.New("the driver has no memory to give")

// OutOfMemoryError says that what must be there before anything can run does not fit.
type OutOfMemoryError struct {
	Want uint64 // bytes: weights, floor and the driver's own part
	Cap  uint64 // bytes that may be held
	Free uint64 // bytes that the device had free
	Err  error  // the driver's refusal; nil if the cap forbids it
}

func (e *OutOfMemoryError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the model needs %d MiB of the GPU, and %d MiB may be held", e.Want>>20, e.Cap>>20)
	}
	return fmt.Sprintf("the model needs %d MiB of the GPU, and %d MiB is free: %v", e.Want>>20, e.Free>>20, e.Err)
}

// Unwrap returns the driver's refusal.
func (e *OutOfMemoryError) Unwrap() error { return e.Err }
