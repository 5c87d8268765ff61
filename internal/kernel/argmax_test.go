package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestArgMax(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, rows := range append([]int{383, 384, 385}, edgeLengths...) {
			logits := random(r, rows*Lanes)
			for i := range logits {
				logits[i] *= 40
			}
			var best ArgMax
			s.ArgMax(logits, rows, &best)
			for lane := range Lanes {
				index, total := 0, 0.0
				for row := range rows {
					if logits[row*Lanes+lane] > logits[index*Lanes+lane] {
						index = row
					}
				}
				largest := logits[index*Lanes+lane]
				for row := range rows {
					total += math.Exp(float64(logits[row*Lanes+lane]) - float64(largest))
				}
				if best.Max[lane] != largest || int(best.Index[lane]) != index {
					t.Fatalf("%d rows, lane %d: %v at %d, want %v at %d", rows, lane, best.Max[lane], best.Index[lane], largest, index)
				}
				near(t, best.Sum[lane], total, total, "%d rows: sum of lane %d", rows, lane)
			}
		}
	})
}

// Outputs begin and end where they should, whatever they held.
func TestArgMaxWritesItsOutputsOnly(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		var guarded struct {
			before [Lanes]int32
			out    ArgMax
			after  [Lanes]int32
		}
		s.ArgMax(slices.Repeat([]float32{1}, 5*Lanes), 5, &guarded.out)
		if guarded.before != [Lanes]int32{} || guarded.after != [Lanes]int32{} {
			t.Errorf("wrote %v before, %v after", guarded.before, guarded.after)
		}
	})
}

func TestArgMaxSpecialValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, test := range []struct {
		name   string
		column []float32
		max    float32
		index  int32
		nan    bool // the sum
	}{
		{"one", []float32{-3}, -3, 0, false},
		{"the first of equals", []float32{1, 7, 2, 7, 7}, 7, 1, false},
		{"zeros of both signs are equal", []float32{float32(math.Copysign(0, -1)), 0}, 0, 0, false},
		{"NaN first", []float32{nan, 2, 3}, 3, 2, true},
		{"NaN last", []float32{4, 2, nan}, 4, 0, true},
		{"only NaN", []float32{nan, nan}, -inf, 0, true},
		{"+Inf", []float32{1, inf, 2}, inf, 1, true},
		{"-Inf beside numbers", []float32{-inf, -5, -inf}, -5, 1, false},
		{"only -Inf", []float32{-inf, -inf}, -inf, 0, true},
		{"very small", []float32{-math.MaxFloat32, -math.MaxFloat32 / 2}, -math.MaxFloat32 / 2, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *Set) {
				for lane := range Lanes {
					logits := make([]float32, len(test.column)*Lanes)
					for row, v := range test.column {
						logits[row*Lanes+lane] = v
					}
					var out ArgMax
					s.ArgMax(logits, len(test.column), &out)
					if out.Max[lane] != test.max || out.Index[lane] != test.index || isNaN(out.Sum[lane]) != test.nan {
						t.Errorf("lane %d: %v at %d, sum %v", lane, out.Max[lane], out.Index[lane], out.Sum[lane])
					}
					for l := range Lanes {
						if l != lane && (out.Max[l] != 0 || out.Index[l] != 0 || out.Sum[l] != float32(len(test.column))) {
							t.Errorf("lane %d of zeros, beside lane %d: %v at %d, sum %v", l, lane, out.Max[l], out.Index[l], out.Sum[l])
						}
					}
				}
			})
		})
	}
}
