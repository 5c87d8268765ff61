//go:build !purego

package kernel

import "unsafe"

const assembly = true

// The functions here fit Go's slices to the assembly's pointers. A size that a kernel's unrolling cannot
// take goes to the reference.

func softmax256(scores []float32, rows int, scale float32, sums *[Lanes]float32) {
	softmaxAVX2(&scores[0], rows, scale, &sums[0])
}

func divideLanes256(dst, src []float32, divisors *[Lanes]float32, channels, low, high int) {
	mask := laneMask(low, high)
	divideLanesAVX2(&dst[0], &src[0], &divisors[0], channels, &mask[0])
}

func layerNorm256(dst, src, gamma, beta []float32) {
	channels := len(gamma)
	if channels%4 != 0 {
		layerNormGeneric(dst, src, gamma, beta)
		return
	}
	layerNormAVX2(&dst[0], &src[0], &gamma[0], &beta[0], channels, 1/float32(channels), Epsilon)
}

func fsmn256(f *FSMN) {
	mask := laneMask(f.Low, f.High)
	fsmnAVX2(&f.Dst[0], &f.Series[0], &f.Weights[0], 4*f.Pitch, f.Taps, f.Left, f.Channels, bit(f.Add), &mask[0])
}

func argMax256(logits []float32, rows int, out *ArgMax) {
	argMaxAVX2(&logits[0], rows, &out.Max[0], &out.Index[0], &out.Sum[0])
}

func softmax512(scores []float32, rows int, scale float32, sums *[Lanes]float32) {
	softmaxAVX512(&scores[0], rows, scale, &sums[0])
}

func divideLanes512(dst, src []float32, divisors *[Lanes]float32, channels, low, high int) {
	mask := laneMask(low, high)
	divideLanesAVX512(&dst[0], &src[0], &divisors[0], channels, &mask[0])
}

func layerNorm512(dst, src, gamma, beta []float32) {
	channels := len(gamma)
	if channels%4 != 0 {
		layerNormGeneric(dst, src, gamma, beta)
		return
	}
	layerNormAVX512(&dst[0], &src[0], &gamma[0], &beta[0], channels, 1/float32(channels), Epsilon)
}

func fsmn512(f *FSMN) {
	mask := laneMask(f.Low, f.High)
	fsmnAVX512(&f.Dst[0], &f.Series[0], &f.Weights[0], 4*f.Pitch, f.Taps, f.Left, f.Channels, bit(f.Add), &mask[0])
}

func argMax512(logits []float32, rows int, out *ArgMax) {
	argMaxAVX512(&logits[0], rows, &out.Max[0], &out.Index[0], &out.Sum[0])
}

func float16x8(dst []float32, src []byte) {
	whole := len(dst) &^ 7
	if whole > 0 {
		float16AVX2(&dst[0], unsafe.SliceData(src), whole)
	}
	float16Generic(dst[whole:], src[2*whole:])
}

func q8x32(dst []float32, src []byte) {
	q8AVX2(&dst[0], unsafe.SliceData(src), len(dst)/Q8Block)
}

func dot256(a, b []float32) float32 {
	whole := len(a) &^ 7
	if whole == 0 {
		return dotGeneric(a, b)
	}
	return dotAVX2(&a[0], &b[0], whole/8) + dotGeneric(a[whole:], b[whole:])
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// laneMask has all bits set for lanes low to high (exclusive).
func laneMask(low, high int) (mask [Lanes]int32) {
	for l := low; l < high; l++ {
		mask[l] = -1
	}
	return mask
}

//go:noescape
func softmaxAVX2(scores *float32, rows int, scale float32, sums *float32)

//go:noescape
func divideLanesAVX2(dst, src, divisors *float32, channels int, mask *int32)

// layerNormAVX2 needs channels to be a multiple of 4; reciprocal is 1/channels.
//
//go:noescape
func layerNormAVX2(dst, src, gamma, beta *float32, channels int, reciprocal, epsilon float32)

// fsmnAVX2 takes pitch in bytes.
//
//go:noescape
func fsmnAVX2(dst, series, weights *float32, pitch, taps, left, channels, add int, mask *int32)

//go:noescape
func argMaxAVX2(logits *float32, rows int, max *float32, index *int32, sums *float32)

// float16AVX2 needs count to be a multiple of 8.
//
//go:noescape
func float16AVX2(dst *float32, src *byte, count int)

//go:noescape
func q8AVX2(dst *float32, src *byte, blocks int)

// dotAVX2 multiplies vectors of 8.
//
//go:noescape
func dotAVX2(a, b *float32, vectors int) float32

//go:noescape
func softmaxAVX512(scores *float32, rows int, scale float32, sums *float32)

//go:noescape
func divideLanesAVX512(dst, src, divisors *float32, channels int, mask *int32)

//go:noescape
func layerNormAVX512(dst, src, gamma, beta *float32, channels int, reciprocal, epsilon float32)

//go:noescape
func fsmnAVX512(dst, series, weights *float32, pitch, taps, left, channels, add int, mask *int32)

//go:noescape
func argMaxAVX512(logits *float32, rows int, max *float32, index *int32, sums *float32)
