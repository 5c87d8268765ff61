package mem

import (
	"errors"
	"fmt"
)

// fakeGPU is a Device that keeps account of every byte, with neighbours who take and free, and refusals on request.
type fakeGPU struct {
	granule, total, other uint64
	overhead, cap         uint64 // to check each step against
	mapped                map[uint64]uint64
	blocks                map[uint64]uint64
	reserved              map[uint64]uint64
	next                  uint64
	calls                 int
	failAt                int   // this call, counted from 1, fails
	failWith              error // with this
	broken                error // every call fails from now on
	wrong                 []string
}

func newFakeGPU(granule, total uint64) *fakeGPU {
	return &fakeGPU{granule: granule, total: total, mapped: map[uint64]uint64{}, blocks: map[uint64]uint64{}, reserved: map[uint64]uint64{}, next: 1 << 40}
}

func (f *fakeGPU) held() uint64 {
	sum := uint64(0)
	for _, m := range []map[uint64]uint64{f.mapped, f.blocks} {
		for _, n := range m {
			sum += n
		}
	}
	return sum
}

func (f *fakeGPU) free() uint64 { return below(f.total, f.overhead+f.held()+f.other) }

func (f *fakeGPU) call() error {
	if f.broken != nil {
		return f.broken
	}
	f.calls++
	if f.calls == f.failAt {
		return f.failWith
	}
	return nil
}

func (f *fakeGPU) take(into map[uint64]uint64, address, bytes uint64) error {
	if bytes > f.free() {
		return fmt.Errorf("%d bytes: %w", bytes, ErrRefused)
	}
	into[address] = bytes
	if f.cap > 0 && f.overhead+f.held() > f.cap {
		f.wrong = append(f.wrong, fmt.Sprintf("holds %d of a cap of %d", f.overhead+f.held(), f.cap))
	}
	return nil
}

func (f *fakeGPU) Granularity() uint64 { return f.granule }

func (f *fakeGPU) Reserve(bytes uint64) (uint64, error) {
	if err := f.call(); err != nil {
		return 0, err
	}
	f.next += bytes + 1<<30
	f.reserved[f.next] = bytes
	return f.next, nil
}

func (f *fakeGPU) Unreserve(address, bytes uint64) error {
	if f.reserved[address] != bytes {
		f.wrong = append(f.wrong, "gives back a reservation that it does not have")
	}
	delete(f.reserved, address)
	return nil
}

func (f *fakeGPU) Map(address, bytes uint64) error {
	if err := f.call(); err != nil {
		return err
	}
	inside := false
	for at, size := range f.reserved {
		inside = inside || (address >= at && address+bytes <= at+size)
	}
	for at, size := range f.mapped {
		inside = inside && (address >= at+size || at >= address+bytes)
	}
	if !inside || bytes == 0 || bytes%f.granule != 0 {
		f.wrong = append(f.wrong, fmt.Sprintf("maps %d bytes at %#x", bytes, address))
	}
	return f.take(f.mapped, address, bytes)
}

func (f *fakeGPU) Unmap(address, bytes uint64) error {
	if f.broken != nil {
		return f.broken
	}
	if f.mapped[address] != bytes {
		f.wrong = append(f.wrong, fmt.Sprintf("unmaps %d bytes at %#x", bytes, address))
	}
	delete(f.mapped, address)
	return nil
}

func (f *fakeGPU) Alloc(bytes uint64) (uint64, error) {
	if err := f.call(); err != nil {
		return 0, err
	}
	f.next += bytes + 1<<30
	return f.next, f.take(f.blocks, f.next, bytes)
}

func (f *fakeGPU) Free(address uint64) error {
	if f.broken != nil {
		return f.broken
	}
	if _, there := f.blocks[address]; !there {
		f.wrong = append(f.wrong, "frees a block that it does not have")
	}
	delete(f.blocks, address)
	return nil
}

func (f *fakeGPU) Info() (free, total uint64, err error) {
	if f.broken != nil {
		return 0, 0, f.broken
	}
	return f.free(), f.total, nil
}

var errBroken = errors.New("illegal address")
