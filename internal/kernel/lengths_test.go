package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Instruction sets with fused multiply-adds do the same operations in the same order, however long their vectors are: a
// transcript does not change with the processor.
func TestVectorLengthsAgree(t *testing.T) {
	var sets []*Set
	for _, isa := range Available() {
		if isa != Portable {
			sets = append(sets, newSet(isa))
		}
	}
	if len(sets) < 2 {
		t.Skipf("this machine runs %v: nothing to compare", Available())
	}
	for name, run := range map[string]func(s *Set, r *rand.Rand) []float32{
		"gemm": func(s *Set, r *rand.Rand) []float32 {
			p := newProduct(r, 1+r.IntN(30), 1+r.IntN(40), 1+r.IntN(60), true, r.IntN(2) == 0, r.IntN(2) == 0)
			s.GEMM(&p.GEMM)
			for i := range p.Y {
				if row := i/p.YPitch*Lanes + i%p.YPitch%Lanes; row >= p.Rows || i%p.YPitch >= p.N*Lanes {
					p.Y[i] = 0 // of no meaning
				}
			}
			return p.Y
		},
		"scores": func(s *Set, r *rand.Rand) []float32 {
			depth, panels := 1+r.IntN(130), 1+r.IntN(3)
			out := make([]float32, panels*Lanes*Lanes)
			s.Scores(&Scores{
				Keys: random(r, panels*depth*Lanes), Pitch: depth * Lanes, Query: random(r, depth*Lanes), Out: out, Depth: depth, Panels: panels,
			})
			return out
		},
		"softmax": func(s *Set, r *rand.Rand) []float32 {
			rows := 1 + r.IntN(50)
			scores, sums := random(r, rows*Lanes), [Lanes]float32{}
			s.Softmax(scores, rows, 100*r.Float32(), &sums)
			return append(scores, sums[:]...)
		},
		"divide": func(s *Set, r *rand.Rand) []float32 {
			dst, low := random(r, 5*Lanes), r.IntN(Lanes)
			divisors := [Lanes]float32(random(r, Lanes))
			s.DivideLanes(dst, random(r, 5*Lanes), &divisors, 5, low, low+r.IntN(Lanes-low+1))
			return dst
		},
		"layer norm": func(s *Set, r *rand.Rand) []float32 {
			channels := 4 * (1 + r.IntN(40))
			dst := make([]float32, channels*Lanes)
			s.LayerNorm(dst, random(r, channels*Lanes), random(r, channels), random(r, channels))
			return dst
		},
		"fsmn": func(s *Set, r *rand.Rand) []float32 {
			dst, low := random(r, 3*Lanes), r.IntN(Lanes)
			s.FSMN(&FSMN{
				Dst: dst, Series: random(r, 3*(Lanes+10)), Pitch: Lanes + 10, Weights: random(r, 33), Taps: 11, Left: 5, Channels: 3,
				Low: low, High: low + r.IntN(Lanes-low+1), Add: r.IntN(2) == 0,
			})
			return dst
		},
		"argmax": func(s *Set, r *rand.Rand) []float32 {
			logits := random(r, (1+r.IntN(50))*Lanes)
			for i := range logits {
				logits[i] = float32(int(20 * logits[i])) // with equals
			}
			var best ArgMax
			s.ArgMax(logits, len(logits)/Lanes, &best)
			out := slices.Concat(best.Max[:], best.Sum[:])
			for _, index := range best.Index {
				out = append(out, float32(index))
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			seed := newRand(t).Uint64()
			for round := range uint64(50) {
				want := run(sets[0], rand.New(rand.NewPCG(seed, round)))
				for _, s := range sets[1:] {
					if got := run(s, rand.New(rand.NewPCG(seed, round))); !slices.Equal(got, want) {
						t.Fatalf("round %d: %v differs from %v", round, s.ISA(), sets[0].ISA())
					}
				}
			}
		})
	}
}
