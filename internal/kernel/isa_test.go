package kernel

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAvailable(t *testing.T) {
	list := Available()
	if len(list) == 0 || list[0] != Portable {
		t.Fatalf("available: %v, want portable first", list)
	}
	if !slices.IsSorted(list) {
		t.Errorf("not in order of speed: %v", list)
	}
	t.Logf("tested: %v (assembly in this build: %v)", list, assembly)
}

func TestSelect(t *testing.T) {
	available := Available()
	fastest := available[len(available)-1]
	type row struct {
		name string
		isa  ISA
		err  string
	}
	tests := []row{
		{"", fastest, ""},
		{"auto", fastest, ""},
		{"portable", Portable, ""},
		{"Portable", Portable, ""},
		{"sse2", 0, `unknown instruction set "sse2" (auto, portable, avx2, avx512)`},
		{"avx2 ", 0, `unknown instruction set "avx2 " (auto, portable, avx2, avx512)`},
	}
	for isa := range isaCount {
		name := isa.String()
		switch {
		case slices.Contains(available, isa):
			tests = append(tests, row{strings.ToUpper(name), isa, ""})
		case !assembly:
			tests = append(tests, row{name, 0, fmt.Sprintf("instruction set %q cannot run here: this build has no assembly for it (this machine runs portable)", name)})
		default:
			lacks := map[ISA]string{AVX2: "AVX2, FMA or F16C", AVX512: "AVX-512"}[isa]
			if !slices.Contains(available, AVX2) {
				lacks = "AVX2, FMA or F16C"
			}
			tests = append(tests, row{name, 0, fmt.Sprintf("instruction set %q cannot run here: the processor lacks %s (this machine runs %s)", name, lacks, join(available))})
		}
	}
	for _, test := range tests {
		s, err := Select(test.name)
		switch {
		case test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("Select(%q): error %v, want %s", test.name, err, test.err)
			}
		case err != nil:
			t.Errorf("Select(%q): %v", test.name, err)
		case s.ISA() != test.isa:
			t.Errorf("Select(%q): %v, want %v", test.name, s.ISA(), test.isa)
		}
	}
}

// Every kernel of a set is there, and none of an assembly set is the reference under another name.
func TestSetsAreComplete(t *testing.T) {
	reference := reflect.ValueOf(*portable())
	each(t, func(t *testing.T, s *Set) {
		set := reflect.ValueOf(*s)
		for i := range set.NumField() {
			name, field := set.Type().Field(i).Name, set.Field(i)
			if field.Kind() != reflect.Func {
				continue
			}
			if field.IsNil() {
				t.Errorf("no %s", name)
				continue
			}
			if same := field.Pointer() == reference.Field(i).Pointer(); same != (s.ISA() == Portable) {
				t.Errorf("%s is the reference: %v", name, same)
			}
		}
	})
}

// Fused multiply-adds keep 2^-24 of (1+2^-12)² - (1+2^-11), where a rounded product loses it: a sign
// that the assembly ran, for each tile, at both widths, and for each other routine that sums.
func TestAssemblyIsReached(t *testing.T) {
	const (
		w     = float32(1 + 0x1p-12)
		minus = float32(-(1 + 0x1p-11))
		fused = float32(0x1p-24)
	)
	each(t, func(t *testing.T, s *Set) {
		if s.ISA() == Portable {
			t.Skip("no assembly in it")
		}
		panel := append(slices.Repeat([]float32{1}, Lanes), slices.Repeat([]float32{w}, Lanes)...)
		for n := 1; n <= s.TileRows(); n++ {
			for _, rows := range []int{Lanes / 2, Lanes} {
				y := newOutput(n * Lanes)
				s.GEMM(&GEMM{W: slices.Repeat([]float32{minus, w}, n), LDW: 2, N: n, K: 2, X: panel, Y: y.data, Rows: rows})
				for row := range rows {
					for i := range n {
						if got := y.data[i*Lanes+row]; got != fused {
							t.Fatalf("tile of %d rows, %d lanes: %v, fused it would be %v", n, rows, got, fused)
						}
					}
				}
			}
		}
		keys := append(slices.Repeat([]float32{minus}, Lanes), slices.Repeat([]float32{w}, Lanes)...)
		out := newOutput(Lanes * Lanes)
		s.Scores(&Scores{Keys: keys, Query: panel, Out: out.data, Depth: 2, Panels: 1})
		if slices.ContainsFunc(out.data, func(v float32) bool { return v != fused }) {
			t.Errorf("scores: %v, fused they would be %v", out.data[0], fused)
		}
		memory, series := newOutput(Lanes), make([]float32, Lanes+1)
		series[0], series[1] = minus, w
		s.FSMN(&FSMN{Dst: memory.data, Series: series, Weights: []float32{0, w}, Taps: 2, Channels: 1, High: 1})
		if got := memory.data[0]; got != fused {
			t.Errorf("memory: %v, fused it would be %v", got, fused)
		}
		src, vector := random(newRand(t), 512*Lanes), slices.Repeat([]float32{1}, 512)
		norm, reference := newOutput(512*Lanes), newOutput(512*Lanes)
		s.LayerNorm(norm.data, src, vector, vector)
		layerNormGeneric(reference.data, src, vector, vector)
		if slices.Equal(norm.data, reference.data) {
			t.Error("layer norm: the same bits as the reference")
		}
		scores := make([]float32, 2*Lanes)
		scores[Lanes] = -1000
		var sums [Lanes]float32
		s.Softmax(scores, 2, 1, &sums)
		if scores[Lanes] == 0 {
			t.Error("softmax: e^-1000 is 0; the assembly stops at e^-87")
		}
	})
}

func TestPeak(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		if one, ten := s.Peak(1), s.Peak(10); one <= 0 || ten != 10*one {
			t.Errorf("%d operations in one round, %d in ten", one, ten)
		}
	})
}
