//go:build linux && (amd64 || arm64)

package clib

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"
)

// Memory is zeroed memory outside the Go heap, whose addresses C may keep while it is open.
type Memory struct {
	Bytes []byte
	base  uintptr
}

// NewMemory maps so many bytes.
func NewMemory(size int) (*Memory, error) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	return &Memory{b, uintptr(unsafe.Pointer(unsafe.SliceData(b)))}, nil
}

// Close unmaps the memory.
func (m *Memory) Close() error { return syscall.Munmap(m.Bytes) }

// Address is what C calls the byte at offset.
func (m *Memory) Address(offset int) uintptr {
	_ = m.Bytes[offset]
	return m.base + uintptr(offset)
}

// U32 reads four bytes.
func (m *Memory) U32(offset int) uint32 { return binary.LittleEndian.Uint32(m.Bytes[offset:]) }

// U64 reads eight bytes.
func (m *Memory) U64(offset int) uint64 { return binary.LittleEndian.Uint64(m.Bytes[offset:]) }

// PutU32 writes four bytes.
func (m *Memory) PutU32(offset int, v uint32) { binary.LittleEndian.PutUint32(m.Bytes[offset:], v) }

// PutU64 writes eight bytes.
func (m *Memory) PutU64(offset int, v uint64) { binary.LittleEndian.PutUint64(m.Bytes[offset:], v) }

// Text reads a C string of at most size bytes.
func (m *Memory) Text(offset, size int) string {
	text, _, _ := bytes.Cut(m.Bytes[offset:offset+size], []byte{0})
	return string(text)
}

// PutText writes a C string, its final NUL included.
func (m *Memory) PutText(offset int, text string) {
	n := copy(m.Bytes[offset:len(m.Bytes)-1], text)
	m.Bytes[offset+n] = 0
}

// At returns memory that C owns as bytes. It is valid as long as C keeps it.
func At(address uint64, size int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), size)
}

// AddressOf returns the address of bytes that lie outside the Go heap: a Memory's, or what At returned.
func AddressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
