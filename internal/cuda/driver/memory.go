//go:build linux && (amd64 || arm64)

package driver

import "sensevoice/internal/clib"

// Address is a place in a device's memory.
type Address uint64

// Physical is memory of a device without an address.
type Physical uint64

// Layouts: CUmemAllocationProp, 32 bytes, and CUmemAccessDesc, 12 bytes.
const (
	propType, propLocation, propDevice       = 0, 8, 12
	accessLocation, accessDevice, accessFlag = 0, 4, 8

	pinned, onDevice, readWrite = 1, 1, 3
)

// properties writes a CUmemAllocationProp: pinned memory of a device, for nobody else. Everything not set stays zero: no handles to
// share, and no GPUDirect RDMA, with which access fails on WSL2.
func properties(p place, offset int, d Device) uintptr {
	p.put32(offset+propType, pinned)
	p.put32(offset+propLocation, onDevice)
	p.put32(offset+propDevice, uint32(d)) //nolint:gosec // a C int
	return p.at(offset)
}

// MemoryInfo returns the free and total bytes of the current context's device. Free is a hint: others may be faster.
func (l *Library) MemoryInfo() (free, total uint64, err error) {
	p := l.take()
	defer l.giveBack(p)
	err = l.call("cuMemGetInfo_v2", p.at(0), p.at(8))
	free, total = p.u64(0), p.u64(8)
	return min(free, total), total, err // some shims let free underflow
}

// Granularity returns what sizes of physical memory must be multiples of.
func (l *Library) Granularity(d Device) (uint64, error) {
	p := l.take()
	defer l.giveBack(p)
	err := l.call("cuMemGetAllocationGranularity", p.at(0), properties(p, 64, d), 0)
	return p.u64(0), err
}

// Reserve takes a range of addresses, which holds no memory.
func (l *Library) Reserve(size uint64) (Address, error) {
	a, err := l.number("cuMemAddressReserve", uintptr(size), 0, 0, 0)
	return Address(a), err
}

// FreeReservation gives a range back, in which nothing may be mapped.
func (l *Library) FreeReservation(a Address, size uint64) error {
	return l.call("cuMemAddressFree", uintptr(a), uintptr(size))
}

// Create takes physical memory.
func (l *Library) Create(d Device, size uint64) (Physical, error) {
	p := l.take()
	defer l.giveBack(p)
	err := l.call("cuMemCreate", p.at(0), uintptr(size), properties(p, 64, d), 0)
	return Physical(p.u64(0)), err
}

// ReleasePhysical gives up the handle. The memory goes when its last mapping does.
func (l *Library) ReleasePhysical(h Physical) error { return l.call("cuMemRelease", uintptr(h)) }

// Map puts physical memory, all of it, at an address.
func (l *Library) Map(a Address, size uint64, h Physical) error {
	return l.call("cuMemMap", uintptr(a), uintptr(size), 0, uintptr(h), 0)
}

// Unmap takes whole mappings away. It does not wait for kernels that use them: synchronise first.
func (l *Library) Unmap(a Address, size uint64) error {
	return l.call("cuMemUnmap", uintptr(a), uintptr(size))
}

// AllowAccess lets a device read and write what is mapped.
func (l *Library) AllowAccess(a Address, size uint64, d Device) error {
	p := l.take()
	defer l.giveBack(p)
	p.put32(accessLocation, onDevice)
	p.put32(accessDevice, uint32(d)) //nolint:gosec // a C int
	p.put32(accessFlag, readWrite)
	return l.call("cuMemSetAccess", uintptr(a), uintptr(size), p.at(0), 1)
}

// Alloc takes memory with an address.
func (l *Library) Alloc(size uint64) (Address, error) {
	a, err := l.number("cuMemAlloc_v2", uintptr(size))
	return Address(a), err
}

// Free gives back what Alloc took. It waits for the device.
func (l *Library) Free(a Address) error { return l.call("cuMemFree_v2", uintptr(a)) }

// HostAlloc takes host memory that the device copies from and to at full speed.
func (l *Library) HostAlloc(size int) ([]byte, error) {
	const portable = 1
	p := l.take()
	defer l.giveBack(p)
	if err := l.call("cuMemHostAlloc", p.at(0), uintptr(size), portable); err != nil {
		return nil, err
	}
	return clib.At(p.u64(0), size), nil
}

// HostFree gives back what HostAlloc took.
func (l *Library) HostFree(b []byte) error { return l.call("cuMemFreeHost", clib.AddressOf(b)) }

// Upload copies from host memory that HostAlloc took.
func (l *Library) Upload(dst Address, src []byte, s Stream) error {
	return l.call("cuMemcpyHtoDAsync_v2", uintptr(dst), clib.AddressOf(src), uintptr(len(src)), uintptr(s))
}

// Download copies to host memory that HostAlloc took.
func (l *Library) Download(dst []byte, src Address, s Stream) error {
	return l.call("cuMemcpyDtoHAsync_v2", clib.AddressOf(dst), uintptr(src), uintptr(len(dst)), uintptr(s))
}

// Fill sets bytes of device memory.
func (l *Library) Fill(dst Address, value byte, size uint64, s Stream) error {
	return l.call("cuMemsetD8Async", uintptr(dst), uintptr(value), uintptr(size), uintptr(s))
}
