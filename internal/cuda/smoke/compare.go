//go:build linux && (amd64 || arm64)

package smoke

import (
	"encoding/binary"
	"math"
	"slices"

	"sensevoice/internal/cuda/kernel"
)

// Tolerances: of results that are stored in fp16, and of those in fp32.
const (
	halfTolerance  = 1e-3
	floatTolerance = 1e-5
)

const width = 512

func (b *bench) norm() error {
	const rows = 37
	x := b.numbers(rows * width)
	want := slices.Clone(x)
	for r := range rows {
		normalise(want[r*width:][:width])
	}
	a, err := b.uploads(floats(x), make([]byte, 2*rows*width))
	if err != nil {
		return err
	}
	if err := b.set.LayerNorm(a[1], a[0], rows, width, 1e-5); err != nil {
		return err
	}
	got, err := b.download(a[1], 2*rows*width)
	b.compare("layer_norm", readHalves(got), want, halfTolerance)
	return err
}

// product is A·Wᵀ + bias in double precision.
func product(a, w, bias []float64, m, n, k int) []float64 {
	out := make([]float64, m*n)
	for i := range m {
		for j := range n {
			sum := bias[j]
			for x := range k {
				sum += a[i*k+x] * w[j*k+x]
			}
			out[i*n+j] = sum
		}
	}
	return out
}

func (b *bench) products() error {
	const m, n, k = 150, 256, 96
	for _, name := range []string{"gemm_bias", "gemm_relu", "gemm_add"} {
		x, w, bias, before := b.numbers(m*k), b.numbers(n*k), b.numbers(n), b.numbers(m*n)
		want := product(x, w, bias, m, n, k)
		for i := range want {
			switch name {
			case "gemm_relu":
				want[i] = max(want[i], 0)
			case "gemm_add":
				want[i] += before[i]
			}
		}
		a, err := b.uploads(halves(x), halves(w), floats(bias), floats(before))
		if err != nil {
			return err
		}
		if err := b.set.Gemm(name, kernel.Product{Out: a[3], A: a[0], W: a[1], Bias: a[2], M: m, N: n, K: k, StrideA: k, StrideOut: n}); err != nil {
			return err
		}
		got, err := b.download(a[3], 4*m*n)
		if err != nil {
			return err
		}
		if name == "gemm_add" {
			b.compare(name, readFloats(got), want, floatTolerance)
		} else {
			b.compare(name, readHalves(got[:2*m*n]), want, halfTolerance)
		}
	}
	return nil
}

func (b *bench) argMax() error {
	const m, n, k, vocabulary = 37, 384, 64, 300
	x, w, bias := b.numbers(m*k), b.numbers(n*k), b.numbers(n)
	for i := vocabulary; i < n; i++ {
		bias[i] = -1e30 // padding
	}
	logits := product(x, w, bias, m, n, k)
	a, err := b.uploads(halves(x), halves(w), floats(bias), make([]byte, kernel.ArgMaxBytes(m, n)), make([]byte, 4*m), make([]byte, 4*m))
	if err != nil {
		return err
	}
	if err := b.set.Gemm("gemm_argmax", kernel.Product{Out: a[3], A: a[0], W: a[1], Bias: a[2], M: m, N: n, K: k, StrideA: k}); err != nil {
		return err
	}
	if err := b.set.MergeArgMax(a[4], a[5], a[3], m, n); err != nil {
		return err
	}
	ids, err := b.download(a[4], 4*m)
	if err != nil {
		return err
	}
	probs, err := b.download(a[5], 4*m)
	if err != nil {
		return err
	}
	wrong, want := 0, make([]float64, m)
	for i := range m {
		row, best, sum := logits[i*n:][:n], 0, 0.0
		for j, v := range row {
			if v > row[best] {
				best = j
			}
		}
		for _, v := range row {
			sum += math.Exp(v - row[best])
		}
		want[i] = -math.Log(sum)
		if int(binary.LittleEndian.Uint32(ids[4*i:])) != best {
			wrong++
		}
	}
	b.check(wrong == 0, "gemm_argmax: %d of %d rows have another id", wrong, m)
	b.compare("gemm_argmax", readFloats(probs), want, floatTolerance)
	return nil
}

// sequences are the rows that attention and memory work on: two, of which the first takes two tiles.
var sequences = []struct{ start, length int }{{0, 70}, {70, 9}}

const sequenceRows = 79

// tiles cuts the sequences.
func tiles(size int) (data []byte, count int) {
	for i, s := range sequences {
		for first := 0; first < s.length; first += size {
			data = append(data, integers([]int{s.start, s.length, first, i})...)
			count++
		}
	}
	return data, count
}

func (b *bench) attention() error {
	const head, stride = 128, 3 * width
	qkv, want := b.numbers(sequenceRows*stride), make([]float64, sequenceRows*width)
	for _, s := range sequences {
		for h := 0; h < width; h += head {
			for i := s.start; i < s.start+s.length; i++ {
				attend(want[i*width+h:][:head], qkv, s.start, s.length, i, h)
			}
		}
	}
	list, count := tiles(kernel.QueryTile)
	a, err := b.uploads(halves(qkv), list, make([]byte, 2*sequenceRows*width))
	if err != nil {
		return err
	}
	if err := b.set.Attention(a[2], a[0], a[1], count, width); err != nil {
		return err
	}
	got, err := b.download(a[2], 2*sequenceRows*width)
	b.compare("attention", readHalves(got), want, halfTolerance)
	return err
}

// attend computes one row of one head.
func attend(out, qkv []float64, start, length, row, h int) {
	const stride = 3 * width
	weights, sum := make([]float64, length), 0.0
	for j := range length {
		dot := 0.0
		for c := range out {
			dot += qkv[row*stride+h+c] * qkv[(start+j)*stride+width+h+c]
		}
		weights[j] = math.Exp(dot / math.Sqrt(float64(len(out))))
		sum += weights[j]
	}
	for j, w := range weights {
		for c := range out {
			out[c] += w / sum * qkv[(start+j)*stride+2*width+h+c]
		}
	}
}

func (b *bench) memory() error {
	const taps, left = 11, 5
	for _, name := range []string{"fsmn_set", "fsmn_add"} {
		values, weights, want := b.numbers(sequenceRows*width), b.numbers(taps*width), b.numbers(sequenceRows*width)
		before := floats(want)
		if name == "fsmn_set" {
			clear(want)
		}
		for _, s := range sequences {
			for i := range s.length {
				for j := range taps {
					if from := i + j - left; from >= 0 && from < s.length {
						for c := range width {
							want[(s.start+i)*width+c] += weights[j*width+c] * values[(s.start+from)*width+c]
						}
					}
				}
			}
		}
		list, count := tiles(kernel.MemoryTile)
		a, err := b.uploads(before, halves(values), floats(weights), list)
		if err != nil {
			return err
		}
		if err := b.set.Memory(name, a[0], a[1], a[2], a[3], count, width); err != nil {
			return err
		}
		got, err := b.download(a[0], 4*sequenceRows*width)
		if err != nil {
			return err
		}
		b.compare(name, readFloats(got), want, floatTolerance)
	}
	return nil
}
