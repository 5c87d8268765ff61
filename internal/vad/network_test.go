package vad

import (
	"math"
	"slices"
	"testing"

	"sensevoice/internal/feature"
	"sensevoice/internal/golden"
	"sensevoice/internal/weights"
)

// TestNetwork compares a network that uses every weight with its formula, on all kernels and in chunks.
func TestNetwork(t *testing.T) {
	const seed = 8
	t.Logf("seed %d", seed)
	ts, samples := random(seed), bursts(2)
	want := plain{t, ts.file(t)}.silence(samples)
	if low, high := slices.Min(want), slices.Max(want); high-low < .1 {
		t.Fatalf("the network answers %g to %g: too much alike to compare", low, high)
	}
	for isa, set := range kernels(t) {
		m := ts.model(t, set)
		got := silences(scoresOf(m, samples, whole))
		if worst, _ := golden.Compare(t, got, want); !(worst <= 1e-5) {
			t.Errorf("%s: largest difference %g", isa, worst)
		}
		for _, size := range []int{1, 157, 5000} {
			if chunked := silences(scoresOf(m, samples, func() int { return size })); !slices.Equal(chunked, got) {
				t.Errorf("%s: chunks of %d differ from the whole", isa, size)
			}
		}
	}
}

// plain computes the network in float64, straight from its formulas.
type plain struct {
	t    *testing.T
	file *weights.File
}

func (p plain) tensor(name string) []float32 {
	p.t.Helper()
	tensor, ok := p.file.Tensor(name)
	if !ok {
		return nil
	}
	values := make([]float32, tensor.Elements())
	if err := tensor.Decode(values); err != nil {
		p.t.Fatal(err)
	}
	return values
}

func (p plain) silence(samples []float32) []float32 {
	x := p.features(samples)
	x = relu(p.affine(p.affine(x, "encoder.in_linear1"), "encoder.in_linear2"))
	for _, name := range []string{"encoder.fsmn.0", "encoder.fsmn.1"} {
		x = p.affine(x, name+".linear")
		x = memory(x, p.tensor(name+".fsmn_block.conv_left.weight"))
		x = relu(p.affine(x, name+".affine"))
	}
	x = p.affine(p.affine(x, "encoder.out_linear1"), "encoder.out_linear2")
	var silence []float32
	for _, logits := range x {
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(v)
		}
		silence = append(silence, float32(math.Exp(logits[0])/sum))
	}
	return silence
}

func (p plain) features(samples []float32) (rows [][]float64) {
	e := feature.New(feature.VAD, &feature.CMVN{Shift: p.tensor("cmvn.shift"), Scale: p.tensor("cmvn.scale")})
	values := make([]float32, e.Rows(len(samples))*e.Width())
	e.Compute(values, samples, new(feature.Workspace))
	for row := range slices.Chunk(values, e.Width()) {
		var wide []float64
		for _, v := range row {
			wide = append(wide, float64(v))
		}
		rows = append(rows, wide)
	}
	return rows
}

func (p plain) affine(x [][]float64, name string) [][]float64 {
	weights, bias := p.tensor(name+".linear.weight"), p.tensor(name+".linear.bias")
	inputs := len(x[0])
	y := make([][]float64, len(x))
	for i, row := range x {
		for n := range len(weights) / inputs {
			sum := 0.0
			if bias != nil {
				sum = float64(bias[n])
			}
			for k, v := range row {
				sum += float64(weights[n*inputs+k]) * v
			}
			y[i] = append(y[i], sum)
		}
	}
	return y
}

func relu(x [][]float64) [][]float64 {
	for _, row := range x {
		for i, v := range row {
			row[i] = max(v, 0)
		}
	}
	return x
}

func memory(x [][]float64, conv []float32) [][]float64 {
	taps := len(conv) / len(x[0])
	y := make([][]float64, len(x))
	for i, row := range x {
		for c, sum := range row {
			for j := range taps {
				if past := i + j - (taps - 1); past >= 0 {
					sum += float64(conv[c*taps+j]) * x[past][c]
				}
			}
			y[i] = append(y[i], sum)
		}
	}
	return y
}
