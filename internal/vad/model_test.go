package vad

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/feature"
	"sensevoice/internal/weights"
)

func TestNewRefuses(t *testing.T) {
	const conv = "encoder.fsmn.0.fsmn_block.conv_left.weight"
	tests := []struct {
		name   string
		change func(tensors)
		want   string
	}{
		{"empty", func(ts tensors) { clear(ts) }, "no tensor encoder.in_linear1.linear.weight: not a complete FSMN-VAD model"},
		{"no bias", func(ts tensors) { delete(ts, "encoder.out_linear1.linear.bias") }, "no tensor encoder.out_linear1.linear.bias: not a complete FSMN-VAD model"},
		{"no block", func(ts tensors) { delete(ts, "encoder.fsmn.0.linear.linear.weight") }, "no tensor encoder.fsmn.0.linear.linear.weight: not a complete FSMN-VAD model"},
		{
			"other features", func(ts tensors) { ts.set("encoder.in_linear1.linear.weight", make([]float32, 560), 1, 560) },
			"tensor encoder.in_linear1.linear.weight: shape [1 560], want [1..1024 400]",
		},
		{
			"no rows", func(ts tensors) { ts.set("encoder.in_linear1.linear.weight", nil, 0, 400) },
			"tensor encoder.in_linear1.linear.weight: shape [0 400], want [1..1024 400]",
		},
		{
			"too wide", func(ts tensors) { ts.set("encoder.in_linear1.linear.weight", make([]float32, 1025*400), 1025, 400) },
			"tensor encoder.in_linear1.linear.weight: shape [1025 400], want [1..1024 400]",
		},
		{
			"layers do not join", func(ts tensors) { ts.set("encoder.in_linear2.linear.weight", make([]float32, 4), 2, 2) },
			"tensor encoder.in_linear2.linear.weight: shape [2 2], want [1..1024 1]",
		},
		{
			"bias too short", func(ts tensors) { ts.set("encoder.in_linear2.linear.bias", []float32{1}, 1) },
			"tensor encoder.in_linear2.linear.bias: shape [1], want [2]",
		},
		{
			"block changes width", func(ts tensors) { ts.set("encoder.fsmn.1.affine.linear.weight", make([]float32, 3), 3, 1) },
			"tensor encoder.fsmn.1.affine.linear.weight: shape [3 1], want [2 1]",
		},
		{"memory flat", func(ts tensors) { ts.set(conv, make([]float32, 4), 4) }, "tensor " + conv + ": shape [4], want [1 1 1..64 1] or [1..64 1]"},
		{"memory too long", func(ts tensors) { ts.set(conv, make([]float32, 65), 1, 1, 65, 1) }, "tensor " + conv + ": shape [1 1 65 1], want [1 1 1..64 1] or [1..64 1]"},
		{
			"too many blocks", func(ts tensors) {
				for i := range 17 {
					ts.set(blockName(i)+".linear.linear.weight", []float32{1, 0}, 1, 2)
				}
			},
			"more than 16 blocks of memory",
		},
		{
			"not a number", func(ts tensors) { ts.set(conv, []float32{0, 1, float32(math.NaN()), 0}, 1, 1, 4, 1) },
			"tensor " + conv + ": value 2 is NaN",
		},
		{
			"infinite", func(ts tensors) { ts.set("cmvn.scale", slices.Repeat([]float32{float32(math.Inf(1))}, 400), 400) },
			"tensor cmvn.scale: value 0 is +Inf",
		},
		{
			"integers", func(ts tensors) {
				ts["encoder.in_linear1.linear.bias"] = weights.Tensor{Name: "encoder.in_linear1.linear.bias", Type: weights.I8, Shape: []int{1}, Data: []byte{1}}
			},
			`tensor "encoder.in_linear1.linear.bias": I8 is not a floating-point type`,
		},
		{
			"one output", func(ts tensors) {
				ts.set("encoder.out_linear2.linear.weight", []float32{1}, 1, 1)
				ts.set("encoder.out_linear2.linear.bias", []float32{1}, 1)
			},
			"encoder.out_linear2 has 1 output: want silence and at least one more",
		},
		{"half a normalisation", func(ts tensors) { delete(ts, "cmvn.scale") }, "no tensor cmvn.scale: not a complete FSMN-VAD model"},
		{"broken normalisation", func(ts tensors) { ts.set("cmvn.shift", []float32{0}, 1) }, "tensor cmvn.shift: shape [1], want [400]"},
		{
			"no normalisation", func(ts tensors) { delete(ts, "cmvn.shift"); delete(ts, "cmvn.scale") },
			"no normalisation in the file or beside it: put the released am.mvn into its folder",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ts := meter()
			test.change(ts)
			_, err := New(ts.file(t), nil, fastest(t))
			if err == nil || err.Error() != "test.model: "+test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestLayout: GGUF files have the taps of a memory first.
func TestLayout(t *testing.T) {
	samples := bursts(1)
	original := random(4)
	want := scoresOf(original.model(t, fastest(t)), samples, whole)
	ts := random(4)
	for _, block := range []string{"encoder.fsmn.0", "encoder.fsmn.1"} {
		name := block + ".fsmn_block.conv_left.weight"
		conv := plain{t, original.file(t)}.tensor(name)
		const channels, taps = 7, 20
		turned := make([]float32, len(conv))
		for c := range channels {
			for tap := range taps {
				turned[tap*channels+c] = conv[c*taps+tap]
			}
		}
		ts.set(name, turned, taps, channels)
	}
	if got := scoresOf(ts.model(t, fastest(t)), samples, whole); !slices.Equal(got, want) {
		t.Error("a memory stored taps first gives other scores")
	}
}

func TestOpen(t *testing.T) {
	const mvn = "<Nnet>\n<Splice> 400 400\n[ 0 ]\n<AddShift> 400 400\n<LearnRateCoef> 0 [ %shift]\n<Rescale> 400 400\n<LearnRateCoef> 0 [ %scale]\n</Nnet>\n"
	good := strings.NewReplacer("%shift", strings.Repeat("-10 ", 400), "%scale", strings.Repeat("1 ", 400)).Replace(mvn)
	bare := meter()
	delete(bare, "cmvn.shift")
	delete(bare, "cmvn.scale")
	tests := []struct {
		name string
		file tensors
		mvn  string
		want string // error, FOLDER for the folder's name
	}{
		{"normalisation inside", meter(), "", ""},
		{"beside", bare, good, ""},
		{"none", bare, "", "FOLDER/model.safetensors: no normalisation in the file or beside it: put the released am.mvn into its folder"},
		{"of another model", bare, strings.ReplaceAll(good, "400", "560"), "FOLDER/am.mvn: cmvn: byte 16: <Splice> has 560 columns, want 400: is this the file of another model?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			var data bytes.Buffer
			if err := weights.WriteSafetensors(&data, test.file.list(), nil); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "model.safetensors")
			if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if test.mvn != "" {
				if err := os.WriteFile(filepath.Join(dir, "am.mvn"), []byte(test.mvn), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m, err := Open(path, fastest(t))
			if test.want != "" {
				if want := strings.ReplaceAll(test.want, "FOLDER", dir); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// The file is closed by now: what the model needs of it must have been copied.
			want := scoresOf(meter().model(t, fastest(t)), bursts(1), whole)
			if got := scoresOf(m, bursts(1), whole); !slices.Equal(got, want) {
				t.Error("scores differ from those of the same model in memory")
			}
		})
	}
}

func TestOpenMissing(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "absent"), fastest(t)); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

// TestNewPrefersItsOwnNormalisation: a GGUF that lies in the folder of another model brings the right one.
func TestNewPrefersItsOwnNormalisation(t *testing.T) {
	width := feature.VAD.Width()
	other := &feature.CMVN{Shift: make([]float32, width), Scale: make([]float32, width)}
	m, err := New(meter().file(t), other, fastest(t))
	if err != nil {
		t.Fatal(err)
	}
	if m.cmvn.Shift[0] != -10 {
		t.Errorf("shift is %v, want the file's own", m.cmvn.Shift[0])
	}
}
