package sensevoice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/weights"
)

// top1 is what the reference answers for each row of a clip.
type top1 struct {
	IDs     []int32   `json:"ids"`
	LogProb []float32 `json:"logprob"`
}

// network prepares a model on a processor engine.
func network(t *testing.T, f *weights.File, isa kernel.ISA, threads int) *Network {
	t.Helper()
	kernels, err := kernel.Select(isa.String())
	if err != nil {
		t.Fatal(err)
	}
	e, err := cpu.New(kernels, threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	n, err := New(f, e)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func synthetic(t *testing.T, name string) *weights.File {
	t.Helper()
	f, err := Synthetic(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run decodes segments as one batch and copies the answer.
func run(t *testing.T, n *Network, segments ...Segment) []top1 {
	t.Helper()
	rows := make([]int, len(segments))
	for i, s := range segments {
		rows[i] = len(s.Features) / n.Config.Input
	}
	plan, err := n.Plan(rows)
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.NewRunner().Run(t.Context(), plan, segments)
	if err != nil {
		t.Fatal(err)
	}
	answers := make([]top1, len(segments))
	for i := range segments {
		from, to := out.Starts[i], out.Starts[i+1]
		answers[i] = top1{append([]int32(nil), out.IDs[from:to]...), append([]float32(nil), out.LogProbs[from:to]...)}
	}
	return answers
}

// compare wants every id, and each log-probability within 1e-3.
func compare(t *testing.T, got, want top1) {
	t.Helper()
	if fmt.Sprint(got.IDs) != fmt.Sprint(want.IDs) {
		t.Errorf("ids\n%v, want\n%v", got.IDs, want.IDs)
	}
	if worst, _ := golden.Compare(t, got.LogProb, want.LogProb); !(worst <= 1e-3) {
		t.Errorf("log-probabilities differ by up to %v", worst)
	}
}

// ofLogits takes the arg-max and its log-probability of each row of logits.
func ofLogits(t *testing.T, path string) top1 {
	t.Helper()
	logits, shape := golden.NPY(t, path)
	var answer top1
	for row := range shape[0] {
		values := logits[row*shape[1]:][:shape[1]]
		best, sum := 0, 0.0
		for id, v := range values {
			if v > values[best] {
				best = id
			}
			sum += math.Exp(float64(v))
		}
		answer.IDs = append(answer.IDs, int32(best))
		answer.LogProb = append(answer.LogProb, float32(float64(values[best])-math.Log(sum)))
	}
	return answer
}

func features(t *testing.T, clip string) []float32 {
	t.Helper()
	path := golden.Path(clip + ".features.npy")
	if clip != "tones" {
		path = golden.Reference(t, "micro", clip+".features.npy")
	}
	values, _ := golden.NPY(t, path)
	return values
}

// TestMicro compares a five-block model with the reference's logits, from each source of its weights.
func TestMicro(t *testing.T) {
	checkpoint, err := weights.Open(golden.Path("micro.pt"))
	if err != nil {
		t.Fatal(err)
	}
	defer checkpoint.Close()
	sources := map[string]*weights.File{"made": synthetic(t, "synthetic:micro"), "checkpoint": checkpoint, "safetensors": written(t)}
	for name, f := range sources {
		for _, isa := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%v", name, isa), func(t *testing.T) {
				n := network(t, f, isa, 2)
				got := run(t, n, Segment{Features: features(t, "tones"), Language: "auto"})
				compare(t, got[0], ofLogits(t, golden.Path("tones.logits.npy")))
			})
		}
	}
}

// written is the micro model, gone through a safetensors file.
func written(t *testing.T) *weights.File {
	t.Helper()
	f := synthetic(t, "synthetic:micro")
	var tensors []weights.Tensor
	for _, name := range f.Names() {
		tensor, _ := f.Tensor(name)
		tensors = append(tensors, *tensor)
	}
	var out bytes.Buffer
	if err := weights.WriteSafetensors(&out, tensors, nil); err != nil {
		t.Fatal(err)
	}
	back, err := weights.OpenBytes("micro.safetensors", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestMicroClips does the same for real speech, alone and in the reference's batch.
func TestMicroClips(t *testing.T) {
	n := network(t, synthetic(t, "synthetic:micro"), kernel.Available()[len(kernel.Available())-1], 2)
	for _, clip := range []string{"en", "zh", "sample"} {
		got := run(t, n, Segment{Features: features(t, clip), Language: "auto"})
		compare(t, got[0], ofLogits(t, golden.Reference(t, "micro", clip+".logits.npy")))
	}
	both := run(t, n, Segment{Features: features(t, "en"), Language: "en", ITN: true}, Segment{Features: features(t, "zh"), Language: "zh"})
	compare(t, both[0], ofLogits(t, golden.Reference(t, "micro", "en.batched.logits.npy")))
	compare(t, both[1], ofLogits(t, golden.Reference(t, "micro", "zh.batched.logits.npy")))
}

// TestFullSize wants every id of the 70-block model, for tones everywhere and for real speech where the reference is.
func TestFullSize(t *testing.T) {
	if testing.Short() {
		t.Skip("full size takes a gigabyte")
	}
	n := network(t, synthetic(t, "synthetic:small"), kernel.Available()[len(kernel.Available())-1], 2)
	for _, clip := range []string{"tones", "en", "zh", "sample"} {
		t.Run(clip, func(t *testing.T) {
			path := golden.Path("tones.top1.json")
			if clip != "tones" {
				path = golden.Reference(t, "full", "top1.json")
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]top1{}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			got := run(t, n, Segment{Features: features(t, clip), Language: "auto", ITN: true})
			compare(t, got[0], want[clip])
		})
	}
}
