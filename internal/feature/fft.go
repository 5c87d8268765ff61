package feature

import "math"

// fftSize is the length of the real transform; frames are shorter and zero-padded.
const fftSize = 512

// A real transform of 512 is a complex one of 256 over pairs of samples, and an unpacking step.
const (
	complexSize = fftSize / 2
	quarter     = complexSize / 4
)

// spectrum is the room for one transform.
type spectrum struct {
	values  [complexSize]complex64 // in: samples 2i and 2i+1 as the parts of value i
	scratch [complexSize]complex64
	power   [fftSize / 2]float32 // out: |X[k]|², without the topmost k = 256, where no mel filter reaches
}

// realFFT holds the twiddle factors, exp(-2πik/n).
type realFFT struct {
	passes [quarter][3]complex64      // powers 1, 2 and 3 of factor k, n = 256
	unpack [complexSize / 2]complex64 // n = 512
}

func newRealFFT() *realFFT {
	f := new(realFFT)
	for k := range f.passes {
		f.passes[k] = [3]complex64{twiddle(k, complexSize), twiddle(2*k, complexSize), twiddle(3*k, complexSize)}
	}
	for k := range f.unpack {
		f.unpack[k] = twiddle(k, fftSize)
	}
	return f
}

func twiddle(k, n int) complex64 {
	sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return complex(float32(cos), float32(sin))
}

// power transforms s.values and sets s.power to the squared magnitudes of the real transform of twice
// the input: the halves that unpacking would need are the caller's, who can have them for nothing.
//
// With Z the transform of the pairs, those of the even and the odd samples are
// E[k] = Z[k] + conj Z[256-k] and O[k] = -i(Z[k] - conj Z[256-k]); then X[k] = E + wO, and
// X[256-k] is the conjugate of E - wO.
func (f *realFFT) power(s *spectrum) {
	f.transform(&s.values, &s.scratch)
	z, p := &s.values, &s.power
	first, middle := z[0], z[complexSize/2]
	p[0] = 4 * square(real(first)+imag(first))
	p[complexSize/2] = 4 * magnitude(middle)
	for k := 1; k < complexSize/2; k++ {
		a, b := z[k], z[complexSize-k]
		even := complex(real(a)+real(b), imag(a)-imag(b))
		odd := f.unpack[k] * complex(imag(a)+imag(b), real(b)-real(a))
		p[k] = magnitude(even + odd)
		p[complexSize-k] = magnitude(even - odd)
	}
}

func square(x float32) float32 { return x * x }

func magnitude(z complex64) float32 { return real(z)*real(z) + imag(z)*imag(z) }

// transform is a radix-4 Stockham transform: four passes between two arrays, which leave the result
// in its natural order in the first one, with no reordering step.
func (f *realFFT) transform(values, scratch *[complexSize]complex64) {
	f.pass(scratch, values, 1)
	f.pass(values, scratch, 4)
	f.pass(scratch, values, 16)
	lastPass(values, scratch)
}

// pass does the butterflies of 256/stride points each, of which stride lie interleaved.
func (f *realFFT) pass(dst, src *[complexSize]complex64, stride int) {
	const mask = complexSize - 1 // changes no index, but shows the compiler that all are in range
	for i := range quarter {
		a, b, c, d := butterfly(src[i], src[i+quarter], src[i+2*quarter], src[i+3*quarter])
		lane := i & (stride - 1)
		w := &f.passes[i-lane]
		out := 4*i - 3*lane
		dst[out&mask] = a
		dst[(out+stride)&mask] = w[0] * b
		dst[(out+2*stride)&mask] = w[1] * c
		dst[(out+3*stride)&mask] = w[2] * d
	}
}

// lastPass is pass with a stride of 64, where all factors are one.
func lastPass(dst, src *[complexSize]complex64) {
	for i := range quarter {
		dst[i], dst[i+quarter], dst[i+2*quarter], dst[i+3*quarter] = butterfly(
			src[i], src[i+quarter], src[i+2*quarter], src[i+3*quarter],
		)
	}
}

// butterfly is the transform of four values.
func butterfly(a, b, c, d complex64) (w, x, y, z complex64) {
	sum, difference := a+c, a-c
	cross := b + d
	turned := complex(imag(b)-imag(d), real(d)-real(b)) // -i(b-d)
	return sum + cross, difference + turned, sum - cross, difference - turned
}
