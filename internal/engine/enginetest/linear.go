package enginetest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"sensevoice/internal/engine"
	"sensevoice/internal/weights"
)

var matrixTypes = []weights.Type{weights.F32, weights.F16, weights.Q8_0}

// newTensor makes a matrix of random numbers up to about 1, at an odd address, as a file may store it.
func newTensor(r *rand.Rand, typ weights.Type, outputs, inputs int) *weights.Tensor {
	count := outputs * inputs
	data := make([]byte, 1, 1+typ.Bytes(count))
	half := func(exponent uint) uint16 { return uint16(r.UintN(2)<<15 | exponent<<10 | r.UintN(1024)) }
	switch typ {
	case weights.F32:
		for _, v := range random(r, count) {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	case weights.F16:
		for range count {
			data = binary.LittleEndian.AppendUint16(data, half(10+r.UintN(5)))
		}
	case weights.Q8_0:
		for range count / 32 {
			data = binary.LittleEndian.AppendUint16(data, half(7))
			for range 32 {
				data = append(data, byte(r.UintN(256)))
			}
		}
	}
	return &weights.Tensor{Name: "w", Type: typ, Shape: []int{outputs, inputs}, Data: data[1:]}
}

// newMatrix makes a tensor ready and returns what it holds.
func newMatrix(s *stage, t *weights.Tensor) (engine.Matrix, []float32) {
	s.Helper()
	m, err := s.Matrix(t)
	if err != nil {
		s.Fatal(err)
	}
	values := make([]float32, t.Elements())
	if err := t.Decode(values); err != nil {
		s.Fatal(err)
	}
	return m, values
}

func newLayer(s *stage, r *rand.Rand, typ weights.Type, outputs, inputs int) *engine.Linear {
	s.Helper()
	m, _ := newMatrix(s, newTensor(r, typ, outputs, inputs))
	return &engine.Linear{Weights: m, Bias: random(r, outputs)}
}

// linearInto returns the formula's results for rows of x and what dst held.
func linearInto(before, x, w []float32, layer *engine.Linear) *expect {
	outputs, inputs := layer.Weights.Shape()
	e := newExpect(len(x) / inputs * outputs)
	for row := range len(x) / inputs {
		for n := range outputs {
			value := float64(layer.Bias[n])
			scale := math.Abs(value)
			if layer.Add {
				value += float64(before[row*outputs+n])
				scale += math.Abs(float64(before[row*outputs+n]))
			}
			weights := w[n*inputs:][:inputs]
			for k, v := range x[row*inputs:][:inputs] {
				term := float64(weights[k]) * float64(v)
				value, scale = value+term, scale+math.Abs(term)
			}
			if layer.Activation == engine.ReLU {
				value = max(value, 0)
			}
			e.values, e.scales = append(e.values, value), append(e.scales, scale)
		}
	}
	return e
}

func testLinear(s *stage) {
	r := newRand()
	for i, shape := range [][2]int{ // outputs, inputs
		{1, 32}, {2, 32}, {3, 64}, {5, 32}, {6, 96}, {7, 64}, {11, 32}, {12, 32}, {13, 160}, {64, 64}, {25, 2048}, {1536, 32},
	} {
		for j, rows := range rowCounts() {
			outputs, inputs := shape[0], shape[1]
			if outputs*inputs*rows > mostProducts {
				continue
			}
			m, w := newMatrix(s, newTensor(r, matrixTypes[(i+j)%3], outputs, inputs))
			for flags := range 4 {
				if (flags+i+j)%2 == 0 && rows > 20 {
					continue
				}
				layer := &engine.Linear{Weights: m, Bias: random(r, outputs), Add: flags&1 != 0, Activation: engine.Activation(flags >> 1)}
				checkLinear(s, layer, w, random(r, rows*outputs), random(r, rows*inputs))
			}
		}
	}
	for _, inputs := range []int{1, 2, 3, 5, 7, 33, 100, 560} { // not in blocks of 32
		m, w := newMatrix(s, newTensor(r, matrixTypes[inputs%2], 13, inputs))
		layer := &engine.Linear{Weights: m, Bias: random(r, 13)}
		checkLinear(s, layer, w, nil, random(r, 25*inputs))
	}
}

func checkLinear(s *stage, layer *engine.Linear, w, before, x []float32) {
	s.Helper()
	s.clear()
	outputs, inputs := layer.Weights.Shape()
	rows := len(x) / inputs
	src, dst := s.loaded(x, inputs), s.buffer(rows, outputs)
	if layer.Add {
		s.Load(dst, before)
	}
	s.Linear(dst, src, layer)
	linearInto(before, x, w, layer).check(s.T, s.values(dst), outputs, "%d rows, %d→%d, %+v", rows, inputs, outputs, layer.Activation)
	same(s.T, s.values(src), x, "source of a linear layer")
}

func testLayerNorm(s *stage) {
	r := newRand()
	for _, rows := range rowCounts() {
		for _, channels := range []int{1, 3, 4, 33, 512, 560} {
			s.clear()
			x, norm := random(r, rows*channels), engine.Norm{Gamma: random(r, channels), Beta: random(r, channels)}
			src, dst := s.loaded(x, channels), s.buffer(rows, channels)
			s.LayerNorm(dst, src, norm)
			got := s.values(dst)
			normOf(x, norm).check(s.T, got, channels, "%d rows of %d", rows, channels)
			s.LayerNorm(src, src, norm)
			same(s.T, s.values(src), got, "%d rows of %d in place", rows, channels)
		}
	}
}

func normOf(x []float32, norm engine.Norm) *expect {
	channels := len(norm.Gamma)
	e := newExpect(len(x))
	for row := range len(x) / channels {
		values := x[row*channels:][:channels]
		mean, variance := 0.0, 0.0
		for _, v := range values {
			mean += float64(v) / float64(channels)
		}
		for _, v := range values {
			variance += math.Pow(float64(v)-mean, 2) / float64(channels)
		}
		for c, v := range values {
			gain := float64(norm.Gamma[c]) / math.Sqrt(variance+1e-5)
			e.add(float64(v)*gain, -mean*gain, float64(norm.Beta[c]))
		}
	}
	return e
}

// testRowsAlone: a row's numbers are the same bits in a batch and by itself.
func testRowsAlone(s *stage) {
	r, b := newRand(), packed()
	const inputs, outputs = 96, 29
	x := random(r, b.Rows()*inputs)
	norm := engine.Norm{Gamma: random(r, inputs), Beta: random(r, inputs)}
	for _, typ := range matrixTypes {
		s.clear()
		layer := newLayer(s, r, typ, outputs, inputs)
		run := func(x []float32) (normed, y []float32) {
			src := s.loaded(x, inputs)
			dst := s.buffer(src.Rows, outputs)
			s.LayerNorm(src, src, norm)
			s.Linear(dst, src, layer)
			return s.values(src), s.values(dst)
		}
		normed, y := run(x)
		for i, from := range b.Starts[:b.Segments()] {
			to := b.Starts[i+1]
			normedAlone, yAlone := run(x[from*inputs : to*inputs])
			same(s.T, normedAlone, normed[from*inputs:to*inputs], "segment %d normalised alone", i)
			same(s.T, yAlone, y[from*outputs:to*outputs], "segment %d through %v alone", i, typ)
		}
	}
}
