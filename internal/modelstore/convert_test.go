package modelstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/feature"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/token"
	"sensevoice/internal/weights"
)

// microModel is the small synthetic network with a normalisation and a vocabulary.
func microModel(t *testing.T) *Model {
	t.Helper()
	m, err := openSynthetic("synthetic:micro")
	if err != nil {
		t.Fatal(err)
	}
	m.CMVN = &feature.CMVN{Shift: make([]float32, 560), Scale: make([]float32, 560)}
	for i := range 560 {
		m.CMVN.Shift[i], m.CMVN.Scale[i] = -8.3+float32(i)/1000, 0.1+float32(i)/10000
	}
	return m
}

func converted(t *testing.T, m *Model, to weights.Type) *Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := Convert(t.Context(), m, path, to); err != nil {
		t.Fatal(err)
	}
	got, err := openPath(path, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close() })
	return got
}

func decoded(t *testing.T, f *weights.File, name string) []float32 {
	t.Helper()
	tensor, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("%s: no tensor %s", f.Path, name)
	}
	values := make([]float32, tensor.Elements())
	if err := tensor.Decode(values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestConvert(t *testing.T) {
	m := microModel(t)
	for _, to := range []weights.Type{weights.F32, weights.F16} {
		got := converted(t, m, to)
		if got.Weights.Format != weights.Safetensors || !slices.Equal(got.CMVN.Shift, m.CMVN.Shift) || !slices.Equal(got.CMVN.Scale, m.CMVN.Scale) {
			t.Errorf("%v: format %v, or another normalisation", to, got.Weights.Format)
		}
		if got.Vocabulary.Len() != m.Vocabulary.Len() || got.Vocabulary.Piece(7) != m.Vocabulary.Piece(7) {
			t.Errorf("%v: another vocabulary", to)
		}
		for _, name := range m.Weights.Names() {
			source, _ := m.Weights.Tensor(name)
			tensor, _ := got.Weights.Tensor(name)
			wantType := weights.F32
			if len(source.Shape) == 2 {
				wantType = to
			}
			if tensor.Type != wantType || !slices.Equal(tensor.Shape, source.Shape) {
				t.Errorf("%v: %s is %v %v, want %v %v", to, name, tensor.Type, tensor.Shape, wantType, source.Shape)
			}
			want := decoded(t, m.Weights, name)
			for i, x := range decoded(t, got.Weights, name) {
				tolerance := 0.0
				if wantType == weights.F16 {
					tolerance = math.Max(math.Abs(float64(want[i]))*0x1p-11, 0x1p-25)
				}
				if !(math.Abs(float64(x)-float64(want[i])) <= tolerance) {
					t.Fatalf("%v: %s[%d] is %v, want %v", to, name, i, x, want[i])
				}
			}
		}
	}
}

func TestConvertedMetadata(t *testing.T) {
	m := microModel(t)
	m.Weights.Metadata["sv.attention_heads"] = uint32(8)
	m.Weights.Metadata["general.license"] = "as released"
	got := converted(t, m, weights.F16).Weights.Metadata
	for key, want := range map[string]string{
		"general.architecture": "sensevoice-small", "general.license": "as released", "sv.attention_heads": "8",
		"sv.query_tokens": releasedQueryTokens,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %q", key, got[key], want)
		}
	}
	var queries sensevoice.Queries
	if err := json.Unmarshal([]byte(releasedQueryTokens), &queries); err != nil || queries.Language["ko"] != 12 || queries.Emotion != 2 || queries.TextNorm["woitn"] != 15 {
		t.Errorf("queries %+v, %v", queries, err)
	}
}

// TestConvertGGUF has the two ways in which FunASR's GGUF files differ: blocks of 8 bits, and convolutions stored by tap.
func TestConvertGGUF(t *testing.T) {
	const channels, taps = 32, 3
	conv := make([]float32, channels*taps)
	for i := range conv {
		conv[i] = float32(i)
	}
	block := append([]byte{0, 0x38}, make([]byte, 32)...) // a scale of 0.5, and 32 numbers
	block[2], block[33] = 3, 0xff
	stored := vectorTensor("encoder.encoders.0.self_attn.fsmn_block.weight", conv)
	stored.Shape = []int{taps, channels}
	mistake := vectorTensor(shiftTensor, []float32{560})
	f, err := weights.FromTensors("gguf", []weights.Tensor{
		*stored, *mistake,
		{Name: "ctc.ctc_lo.weight", Type: weights.Q8_0, Shape: []int{1, 32}, Data: block},
		{Name: "steps", Type: weights.I32, Shape: []int{1}, Data: []byte{1, 2, 3, 4}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := token.New([]string{"▁a"})
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{Name: "gguf", Weights: f, Vocabulary: vocabulary, CMVN: &feature.CMVN{Shift: []float32{1, 2}, Scale: []float32{3, 4}}}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := Convert(t.Context(), m, path, weights.F16); err != nil {
		t.Fatal(err)
	}
	got, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if tensor, _ := got.Tensor(stored.Name); tensor.Type != weights.F32 || !slices.Equal(tensor.Shape, []int{channels, 1, taps}) {
		t.Errorf("%s: %v %v", tensor.Name, tensor.Type, tensor.Shape)
	}
	if values := decoded(t, got, stored.Name); values[0] != 0 || values[1] != channels || values[taps] != 1 {
		t.Errorf("convolution %v", values[:4])
	}
	if values := decoded(t, got, "ctc.ctc_lo.weight"); values[0] != 1.5 || values[31] != -0.5 {
		t.Errorf("matrix %v", values)
	}
	if values := decoded(t, got, shiftTensor); !slices.Equal(values, []float32{1, 2}) {
		t.Errorf("shift %v", values)
	}
	if steps, ok := got.Tensor("steps"); !ok || steps.Type != weights.I32 || !slices.Equal(steps.Data, []byte{1, 2, 3, 4}) {
		t.Errorf("steps %+v", steps)
	}
}

func TestConvertRefuses(t *testing.T) {
	for name, spoil := range map[string]float32{"too large": 65520, "infinite": float32(math.Inf(-1)), "not a number": float32(math.NaN())} {
		t.Run(name, func(t *testing.T) {
			m := microModel(t)
			tensor, _ := m.Weights.Tensor("ctc.ctc_lo.weight")
			copy(tensor.Data[4*5:], vectorTensor("", []float32{spoil}).Data)
			dir := t.TempDir()
			err := Convert(t.Context(), m, filepath.Join(dir, "model.safetensors"), weights.F16)
			wantError(t, err, "tensor ctc.ctc_lo.weight: element 5 is")
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
	m, dir := microModel(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Convert(ctx, m, filepath.Join(dir, "model.safetensors"), weights.F16); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	wantError(t, Convert(t.Context(), m, filepath.Join(dir, "model.safetensors"), weights.I8), "only F32 and F16")
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestToHalf compares with the decoder of the weights package: every half comes back as it was, and
// numbers between two halves go to the nearer one, to the even one from the middle.
func TestToHalf(t *testing.T) {
	single := func(h uint16) float32 {
		value := make([]float32, 1)
		tensor := weights.Tensor{Name: "half", Type: weights.F16, Data: []byte{byte(h), byte(h >> 8)}}
		if err := tensor.Decode(value); err != nil {
			t.Fatal(err)
		}
		return value[0]
	}
	check := func(x float32, want uint16) {
		t.Helper()
		for _, sign := range []uint16{0, 0x8000} {
			if got, ok := toHalf(x); !ok || got != want|sign {
				t.Fatalf("%v becomes %#04x (%v), want %#04x", x, got, ok, want|sign)
			}
			x = -x
		}
	}
	const largest = 0x7bff
	for h := range uint16(largest) {
		low, high := single(h), single(h+1)
		middle := (low + high) / 2
		even := h + h&1
		check(low, h)
		check(middle, even)
		check(math.Nextafter32(middle, 0), h)
		check(math.Nextafter32(middle, high), h+1)
	}
	check(65519.996, largest)
	for _, x := range []float32{65520, 1e30, float32(math.Inf(1)), float32(math.NaN())} {
		if got, ok := toHalf(x); ok {
			t.Errorf("%v becomes %#04x, want a refusal", x, got)
		}
	}
}

func TestConvertIsReproducible(t *testing.T) {
	m := microModel(t)
	var files [2]string
	for i := range files {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := Convert(t.Context(), m, path, weights.F16); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = string(data)
	}
	if files[0] != files[1] || !strings.Contains(files[0][:1000], "sensevoice-small") {
		t.Error("two conversions of the same model differ")
	}
}
