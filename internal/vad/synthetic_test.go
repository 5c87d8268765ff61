package vad

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sensevoice/internal/feature"
	"sensevoice/internal/kernel"
	"sensevoice/internal/weights"
)

// tensors is a model file in the making.
type tensors map[string]weights.Tensor

func (ts tensors) set(name string, values []float32, shape ...int) {
	data := make([]byte, 4*len(values))
	for i, x := range values {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
	}
	ts[name] = weights.Tensor{Name: name, Type: weights.F32, Shape: shape, Data: data}
}

func (ts tensors) list() []weights.Tensor {
	var list []weights.Tensor
	for _, t := range ts {
		list = append(list, t)
	}
	return list
}

func (ts tensors) file(t testing.TB) *weights.File {
	t.Helper()
	f, err := weights.FromTensors("test.model", ts.list(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (ts tensors) model(t testing.TB, set *kernel.Set) *Model {
	t.Helper()
	m, err := New(ts.file(t), nil, set)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// meter is a network that takes loud sound for speech: it has a unit for the mean of the features above 10, which votes
// against silence. Its memory smooths over 4 rows.
func meter() tensors {
	width := feature.VAD.Width()
	ts := tensors{}
	ts.set("encoder.in_linear1.linear.weight", slices.Repeat([]float32{1 / float32(width)}, width), 1, width)
	ts.set("encoder.in_linear1.linear.bias", []float32{0}, 1)
	ts.set("encoder.in_linear2.linear.weight", []float32{1, -1}, 2, 1)
	ts.set("encoder.in_linear2.linear.bias", []float32{0, 0}, 2)
	for _, name := range []string{"encoder.fsmn.0", "encoder.fsmn.1"} {
		ts.set(name+".linear.linear.weight", []float32{1, 0}, 1, 2)
		ts.set(name+".fsmn_block.conv_left.weight", []float32{.1, .1, .1, .1}, 1, 1, 4, 1)
		ts.set(name+".affine.linear.weight", []float32{1, 0}, 2, 1)
		ts.set(name+".affine.linear.bias", []float32{0, 0}, 2)
	}
	ts.set("encoder.out_linear1.linear.weight", []float32{1, 0}, 1, 2)
	ts.set("encoder.out_linear1.linear.bias", []float32{0}, 1)
	ts.set("encoder.out_linear2.linear.weight", []float32{-1, 1, 1}, 3, 1)
	ts.set("encoder.out_linear2.linear.bias", []float32{3, 0, 0}, 3)
	ts.set("cmvn.shift", slices.Repeat([]float32{-10}, width), width)
	ts.set("cmvn.scale", slices.Repeat([]float32{1}, width), width)
	return ts
}

// random is a network of odd sizes with random weights.
func random(seed uint64) tensors {
	r := rand.New(rand.NewPCG(seed, seed))
	ts := meter()
	normal := func(name string, gain float64, shape ...int) {
		count := 1
		for _, size := range shape {
			count *= size
		}
		values := make([]float32, count)
		for i := range values {
			values[i] = float32(r.NormFloat64() * gain)
		}
		ts.set(name, values, shape...)
	}
	layer := func(name string, outputs, inputs int) {
		normal(name+".linear.weight", 1/math.Sqrt(float64(inputs)), outputs, inputs)
		normal(name+".linear.bias", .1, outputs)
	}
	layer("encoder.in_linear1", 9, feature.VAD.Width())
	layer("encoder.in_linear2", 13, 9)
	for _, name := range []string{"encoder.fsmn.0", "encoder.fsmn.1"} {
		normal(name+".linear.linear.weight", .3, 7, 13)
		normal(name+".fsmn_block.conv_left.weight", .2, 7, 1, 20, 1)
		layer(name+".affine", 13, 7)
	}
	layer("encoder.out_linear1", 5, 13)
	layer("encoder.out_linear2", 3, 5)
	return ts
}

// bursts is noise that is loud and quiet in turns, of so many seconds.
func bursts(seconds int) []float32 {
	r := rand.New(rand.NewPCG(3, 3))
	samples := make([]float32, seconds*16000)
	for i := range samples {
		samples[i] = float32(r.NormFloat64() * 1e-5)
		if i/8000%5 < 2 {
			samples[i] *= 1e4
		}
	}
	return samples
}

func TestSyntheticInChunks(t *testing.T) {
	for isa, set := range kernels(t) {
		t.Run(isa, func(t *testing.T) { checkChunks(t, meter().model(t, set), bursts(6)) })
	}
}
