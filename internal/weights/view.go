package weights

import (
	"encoding/binary"
	"unsafe"
)

// littleEndian tells whether this machine stores numbers as the files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// viewFloat32s returns the same memory as float32, or false where the machine's byte order or the
// alignment of data forbids it. A trailing part of an element is left out.
func viewFloat32s(data []byte) ([]float32, bool) {
	if len(data) == 0 {
		return []float32{}, true
	}
	start := unsafe.Pointer(unsafe.SliceData(data))
	if !littleEndian || uintptr(start)%unsafe.Alignof(float32(0)) != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(start), len(data)/4), true
}
