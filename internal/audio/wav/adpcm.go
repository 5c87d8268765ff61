package wav

import (
	"encoding/binary"
	"math"

	"sensevoice/internal/audio"
)

const (
	maxCoefficients = 32 // pairs; every file has the seven of the standard
	msADPCMSize     = 22 + 4*maxCoefficients
)

// adpcm is how sound is written in blocks: each begins with its predictors in full, and four bits for each sample follow.
type adpcm struct {
	channels int
	align    int // bytes of a block
	head     int // bytes of a block's head
	leading  int // frames that the head holds
	group    int // bytes that make whole frames
	grouped  int // frames of a group
	decode   func(dst []float32, block []byte)
}

// frames is how many frames lie in size bytes of sound, the last block cut where a group ends.
func (a *adpcm) frames(size int64) int64 {
	whole, rest := size/int64(a.align), int(size%int64(a.align))
	return whole*int64(a.blockFrames(a.align)) + int64(a.blockFrames(rest))
}

func (a *adpcm) blockFrames(size int) int {
	if size < a.head {
		return 0
	}
	return a.leading + (size-a.head)/a.group*a.grouped
}

// parseADPCM takes what the fmt chunk says beyond the common fields: the size of the rest, the frames of a block (which follow
// from its bytes) and, for Microsoft's, the coefficients.
func parseADPCM(tag uint16, f format, body []byte, at int64) (*adpcm, error) {
	if f.bits != 4 {
		return nil, fault(at+14, "", "%s of %d bits is %w", codecs[tag], f.bits, audio.ErrUnsupported)
	}
	a := &adpcm{channels: f.channels, align: f.align}
	if tag == tagIMAADPCM {
		a.head, a.leading, a.group, a.grouped = 4*f.channels, 1, 4*f.channels, 8
		a.decode = a.decodeIMA
	} else {
		pairs, err := parseCoefficients(body, at)
		if err != nil {
			return nil, err
		}
		a.head, a.leading, a.group, a.grouped = 7*f.channels, 2, f.channels, 2
		if f.channels%2 == 0 {
			a.group, a.grouped = f.channels/2, 1
		}
		a.decode = func(dst []float32, block []byte) { a.decodeMicrosoft(dst, block, pairs) }
	}
	if f.align < a.head {
		return nil, fault(at+12, "", "ADPCM blocks of %d bytes, want at least %d for %d channels", f.align, a.head, f.channels)
	}
	return a, nil
}

func parseCoefficients(body []byte, at int64) ([][2]int, error) {
	const start = 22
	count := 0
	if len(body) >= start {
		count = int(binary.LittleEndian.Uint16(body[start-2:]))
	}
	if count < 1 || count > maxCoefficients || len(body) < start+4*count {
		return nil, fault(at+start-2, "", "the fmt chunk of Microsoft ADPCM holds %d pairs of coefficients, want 1 to %d within it", count, maxCoefficients)
	}
	pairs := make([][2]int, count)
	for i := range pairs {
		for j := range pairs[i] {
			pairs[i][j] = int(int16(binary.LittleEndian.Uint16(body[start+4*i+2*j:])))
		}
	}
	return pairs, nil
}

// The tables of the IMA's Recommended Practices for Enhancing Digital Audio Compatibility (1992).
var (
	imaIndexSteps = [8]int{-1, -1, -1, -1, 2, 4, 6, 8}
	imaSteps      = [89]int{
		7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118,
		130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
		1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484,
		7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
	}
)

// decodeIMA decodes a block: for each channel a sample and an index of the step, then in turn eight samples of each channel,
// the lower half of a byte first.
func (a *adpcm) decodeIMA(dst []float32, block []byte) {
	for ch := range a.channels {
		head := block[4*ch:]
		value := int(int16(binary.LittleEndian.Uint16(head)))
		index := min(int(head[2]), len(imaSteps)-1)
		dst[ch] = float32(value) / (1 << 15)
		for i := 1; i < len(dst)/a.channels; i++ {
			at := a.head + (i-1)/8*a.group + 4*ch + (i-1)%8/2
			code := int(block[at]>>((i-1)%2*4)) & 15
			value, index = expandIMA(value, index, code)
			dst[i*a.channels+ch] = float32(value) / (1 << 15)
		}
	}
}

func expandIMA(value, index, code int) (int, int) {
	step := imaSteps[index]
	change := step >> 3
	for bit := range 3 {
		if code&(4>>bit) != 0 {
			change += step >> bit
		}
	}
	if code&8 != 0 {
		change = -change
	}
	return clip16(value + change), max(0, min(index+imaIndexSteps[code&7], len(imaSteps)-1))
}

// msScale is by how much the next step grows for each code, in parts of 256.
var msScale = [16]int{230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230}

// decodeMicrosoft decodes a block: for each channel the number of its coefficients, a step and its latest two samples, the
// later first; then samples of all channels in turn, the upper half of a byte first. The algorithm is that of the Multimedia
// Data Standards Update (1994).
func (a *adpcm) decodeMicrosoft(dst []float32, block []byte, pairs [][2]int) {
	word := func(kind, ch int) int {
		return int(int16(binary.LittleEndian.Uint16(block[a.channels+2*(kind*a.channels+ch):])))
	}
	for ch := range a.channels {
		pair := pairs[min(int(block[ch]), len(pairs)-1)]
		step, last, before := word(0, ch), word(1, ch), word(2, ch)
		dst[ch] = float32(before) / (1 << 15)
		for i := 1; i < len(dst)/a.channels; i++ {
			if i > 1 {
				n := (i-2)*a.channels + ch
				code := int(block[a.head+n/2]>>(4-n%2*4)) & 15
				signed := (code ^ 8) - 8
				value := clip16((last*pair[0]+before*pair[1])>>8 + signed*step)
				before, last = last, value
				step = min(max(16, msScale[code]*step>>8), math.MaxInt32)
			}
			dst[i*a.channels+ch] = float32(last) / (1 << 15)
		}
	}
}

func clip16(x int) int { return max(math.MinInt16, min(x, math.MaxInt16)) }
