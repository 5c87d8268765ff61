package kernel

// Q8Block is the number of weights in a Q8_0 block, and Q8Bytes its size: a half and 32 signed bytes.
const (
	Q8Block = 32
	Q8Bytes = 34
)

// Float16 converts stored little-endian halves to float32: len(dst) of them.
func (s *Set) Float16(dst []float32, src []byte) {
	if len(dst) > 0 {
		_ = src[2*len(dst)-1]
		s.float16(dst, src)
	}
}

// Q8 converts Q8_0 blocks to float32; len(dst) is a multiple of [Q8Block].
func (s *Set) Q8(dst []float32, src []byte) {
	if blocks := len(dst) / Q8Block; blocks > 0 {
		_ = src[blocks*Q8Bytes-1]
		s.q8(dst[:blocks*Q8Block], src)
	}
}
