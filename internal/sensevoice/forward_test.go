package sensevoice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/weights"
)

func fastest() kernel.ISA { return kernel.Available()[len(kernel.Available())-1] }

// TestBatchedEqualsAlone packs segments of many lengths and wants the very same bits as from each alone, on any number of threads.
func TestBatchedEqualsAlone(t *testing.T) {
	all := features(t, "tones")
	const width = 560
	var segments []Segment
	for i, rows := range []int{1, 2, 11, 12, 13, 28, 53, 5, 40} {
		segments = append(segments, Segment{Features: all[:rows*width], Language: "auto", ITN: i%2 == 0})
	}
	for _, isa := range kernel.Available() {
		var first []top1
		for _, threads := range []int{1, 2, 3} {
			n := network(t, synthetic(t, "synthetic:micro"), isa, threads)
			together := run(t, n, segments...)
			if first == nil {
				first = together
			}
			for i, s := range segments {
				alone := run(t, n, s)[0]
				if fmt.Sprint(alone) != fmt.Sprint(together[i]) || fmt.Sprint(alone) != fmt.Sprint(first[i]) {
					t.Errorf("%v, %d threads: segment %d differs in a batch", isa, threads, i)
				}
			}
		}
	}
}

// TestBans forbids each row's best entry to one of two equal segments.
func TestBans(t *testing.T) {
	n := network(t, synthetic(t, "synthetic:micro"), fastest(), 2)
	free := Segment{Features: features(t, "tones"), Language: "auto"}
	want := run(t, n, free)[0]
	banned := free
	banned.Banned = slices.Compact(slices.Sorted(slices.Values(want.IDs)))
	got := run(t, n, free, banned)
	if fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Error("the segment without bans changed")
	}
	for row, id := range got[1].IDs {
		if slices.Contains(banned.Banned, id) || !(got[1].LogProb[row] <= want.LogProb[row]) {
			t.Errorf("row %d answers %d with %v, unbanned %d with %v", row, id, got[1].LogProb[row], want.IDs[row], want.LogProb[row])
		}
	}
}

func TestRunRefuses(t *testing.T) {
	n := network(t, synthetic(t, "synthetic:micro"), fastest(), 1)
	good := Segment{Features: make([]float32, 560), Language: "auto"}
	bad := func(change func(*Segment)) Segment {
		s := good
		change(&s)
		return s
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name    string
		ctx     context.Context
		segment Segment
		want    string
	}{
		{"language", t.Context(), bad(func(s *Segment) { s.Language = "zn" }), `no language "zn"`},
		{"size", t.Context(), bad(func(s *Segment) { s.Features = s.Features[1:] }), "has 559 features, planned were 560"},
		{"ban", t.Context(), bad(func(s *Segment) { s.Banned = []int32{300} }), "banned entry 300 is not in the vocabulary"},
		{"cancelled", cancelled, good, "context canceled"},
		{"NaN", t.Context(), bad(func(s *Segment) { s.Features = slices.Repeat([]float32{float32(math.NaN())}, 560) }), ErrNotFinite.Error()},
	} {
		plan, err := n.Plan([]int{1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.NewRunner().Run(test.ctx, plan, []Segment{test.segment})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	for _, rows := range [][]int{nil, {0}, {-1}, {MaxRows + 1}} {
		if _, err := n.Plan(rows); err == nil {
			t.Errorf("a plan for %v", rows)
		}
	}
}

// TestPlan checks that buffers which live together lie apart, inside the arena, and that more rows never cost less.
func TestPlan(t *testing.T) {
	n := network(t, synthetic(t, "synthetic:micro"), fastest(), 2)
	apart := [][]string{{"x", "normed", "attention", "qkv", "context"}, {"x", "normed", "hidden"}, {"normed", "input"}, {"normed", "arg-max"}}
	last := int64(0)
	for _, rows := range [][]int{{1}, {1, 1}, {50}, {50, 3, 17}, {500}, {500, 500}, {10000}} {
		plan, err := n.Plan(rows)
		if err != nil {
			t.Fatal(err)
		}
		if plan.Arena < last {
			t.Errorf("%v costs %d bytes, fewer than a smaller batch", rows, plan.Arena)
		}
		last = plan.Arena
		places := map[string]PlannedBuffer{}
		for _, b := range plan.Buffers {
			places[b.Name] = b
			if b.Offset < 0 || b.Bytes <= 0 || b.Offset+b.Bytes > plan.Arena {
				t.Errorf("%v: %+v in an arena of %d", rows, b, plan.Arena)
			}
		}
		for _, group := range apart {
			for i, a := range group {
				for _, b := range group[i+1:] {
					if p, q := places[a], places[b]; p.Offset < q.Offset+q.Bytes && q.Offset < p.Offset+p.Bytes {
						t.Errorf("%v: %s and %s overlap", rows, a, b)
					}
				}
			}
		}
	}
}

// TestSteadyState decodes a thousand times: nothing is allocated, and the heap does not grow.
func TestSteadyState(t *testing.T) {
	n := network(t, synthetic(t, "synthetic:micro"), fastest(), 2)
	segments := []Segment{{Features: features(t, "tones"), Language: "auto"}}
	plan, err := n.Plan([]int{len(segments[0].Features) / 560})
	if err != nil {
		t.Fatal(err)
	}
	r := n.NewRunner()
	decode := func() {
		if _, err := r.Run(t.Context(), plan, segments); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if allocations := testing.AllocsPerRun(20, decode); allocations != 0 {
		t.Errorf("%v allocations a run", allocations)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 1000 {
		decode()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<10 {
		t.Errorf("the heap grew by %d bytes over 1,000 decodes", grown)
	}
}

// TestBadCheckpoints changes one tensor each and wants its name in the error.
func TestBadCheckpoints(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*weights.Tensor) (keep bool)
		want   string
	}{
		{"ctc.ctc_lo.weight", func(*weights.Tensor) bool { return false }, "no tensor ctc.ctc_lo.weight: not a SenseVoice model"},
		{"encoder.tp_encoders.1.norm2.bias", func(*weights.Tensor) bool { return false }, "no tensor encoder.tp_encoders.1.norm2.bias: the checkpoint is not complete"},
		{"encoder.encoders.0.feed_forward.w_1.bias", func(w *weights.Tensor) bool {
			w.Shape, w.Data = []int{127}, w.Data[:127*4]
			return true
		}, "tensor encoder.encoders.0.feed_forward.w_1.bias: shape [127], want [128]"},
		{"encoder.encoders0.0.self_attn.fsmn_block.weight", func(w *weights.Tensor) bool {
			w.Shape = []int{32, 2, 11}
			return true
		}, "fsmn_block.weight: shape [32 2 11], want (64, 1, taps) or (taps, 64)"},
		{"embed.weight", func(w *weights.Tensor) bool {
			w.Shape, w.Data = []int{8, 560}, w.Data[:8*560*4]
			return true
		}, "is not among the 8 of embed.weight"},
	} {
		var tensors []weights.Tensor
		f := synthetic(t, "synthetic:micro")
		for _, name := range f.Names() {
			tensor, _ := f.Tensor(name)
			changed := *tensor
			if name != test.name || test.change(&changed) {
				tensors = append(tensors, changed)
			}
		}
		broken, err := weights.FromTensors("broken", tensors, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(broken, network(t, f, fastest(), 1).Engine())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestGGUFLayout stores convolutions as GGUF does, taps first: the numbers stay the same.
func TestGGUFLayout(t *testing.T) {
	f := synthetic(t, "synthetic:micro")
	var tensors []weights.Tensor
	for _, name := range f.Names() {
		tensor, _ := f.Tensor(name)
		w := *tensor
		if strings.HasSuffix(name, "fsmn_block.weight") {
			values, _ := tensor.Float32s()
			turned := make([]float32, len(values))
			for channel := range 64 {
				for tap := range 11 {
					turned[tap*64+channel] = values[channel*11+tap]
				}
			}
			w.Shape, w.Data = []int{11, 64}, bytesOf(turned)
		}
		tensors = append(tensors, w)
	}
	turned, err := weights.FromTensors("turned", tensors, map[string]any{"sv.attention_heads": uint32(4), "sv.vocab_size": uint32(300)})
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, network(t, turned, fastest(), 1), Segment{Features: features(t, "tones"), Language: "auto"})
	compare(t, got[0], ofLogits(t, golden.Path("tones.logits.npy")))
}

func TestUnknownSynthetic(t *testing.T) {
	if _, err := Synthetic("synthetic:huge"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRunBetween lets a short batch run between any two blocks of a long one, before it in the arena: both give the very bits that
// they give alone.
func TestRunBetween(t *testing.T) {
	all := features(t, "tones")
	long, short := Segment{Features: all, Language: "auto"}, Segment{Features: all[:11*560], Language: "zh", ITN: true}
	for _, isa := range kernel.Available() {
		n := network(t, synthetic(t, "synthetic:micro"), isa, 2)
		wantLong, wantShort := run(t, n, long)[0], run(t, n, short)[0]
		shortPlan, err := n.Plan([]int{11})
		if err != nil {
			t.Fatal(err)
		}
		longPlan, err := n.Plan([]int{len(all) / 560})
		if err != nil {
			t.Fatal(err)
		}
		before := longPlan.Arena
		if longPlan.Move(shortPlan.Arena); longPlan.Arena != before+shortPlan.Arena {
			t.Errorf("moved, the plan ends at %d", longPlan.Arena)
		}
		outer, inner, calls := n.NewRunner(), n.NewRunner(), 0
		outer.Between = func(done, blocks int) {
			if calls++; done != calls || blocks != 5 {
				t.Errorf("call %d: after %d of %d blocks", calls, done, blocks)
			}
			if got := execute(t, inner, shortPlan, short); fmt.Sprint(got) != fmt.Sprint(wantShort) {
				t.Errorf("%v: the short batch differs after block %d", isa, done)
			}
		}
		if got := execute(t, outer, longPlan, long); fmt.Sprint(got) != fmt.Sprint(wantLong) || calls != 5 {
			t.Errorf("%v: the long batch differs, or was interrupted %d times", isa, calls)
		}
	}
}

func execute(t *testing.T, r *Runner, plan *Plan, s Segment) top1 {
	t.Helper()
	out, err := r.Run(t.Context(), plan, []Segment{s})
	if err != nil {
		t.Fatal(err)
	}
	return top1{IDs: slices.Clone(out.IDs), LogProb: slices.Clone(out.LogProbs)}
}
