package kernel

import (
	"math"
	"slices"
	"testing"
)

var edgeLengths = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 100, 601}

func TestSoftmax(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, rows := range edgeLengths {
			for _, scale := range []float32{1, 1 / float32(math.Sqrt(128)), 30} {
				scores := random(r, rows*Lanes)
				out := newOutput(rows * Lanes)
				copy(out.data, scores)
				var sums [Lanes]float32
				s.Softmax(out.data, rows, scale, &sums)
				out.check(t)
				for lane := range Lanes {
					checkSoftmaxLane(t, scores, out.data, lane, scale, sums[lane])
				}
			}
		}
	})
}

// checkSoftmaxLane allows each exponential the rounding of its argument, up to 60.
func checkSoftmaxLane(t *testing.T, scores, got []float32, lane int, scale, sum float32) {
	t.Helper()
	largest := math.Inf(-1)
	for at := lane; at < len(scores); at += Lanes {
		largest = max(largest, float64(scores[at]))
	}
	total := 0.0
	for at := lane; at < len(scores); at += Lanes {
		want := math.Exp(float64(scale) * (float64(scores[at]) - largest))
		total += want
		near(t, got[at], want, want, "%d rows, scale %v: row %d, lane %d", len(scores)/Lanes, scale, at/Lanes, lane)
	}
	near(t, sum, total, total, "%d rows, scale %v: sum of lane %d", len(scores)/Lanes, scale, lane)
}

// With a largest score of 0 and a scale of 1 the argument of the exponential is the score itself.
func TestExponential(t *testing.T) {
	var arguments []float32
	for x := float32(0); x >= -87; x -= 1.0 / 512 {
		arguments = append(arguments, x)
	}
	for n := range 126 { // where the reduction changes to the next power of two
		edge := -(float64(n) + 0.5) * math.Ln2
		arguments = append(arguments, float32(edge), math.Nextafter32(float32(edge), 0), math.Nextafter32(float32(edge), -100))
	}
	each(t, func(t *testing.T, s *Set) {
		worst := 0.0
		for chunk := range slices.Chunk(arguments, Lanes) {
			scores := make([]float32, 2*Lanes) // the first row is 0, the largest
			copy(scores[Lanes:], chunk)
			var sums [Lanes]float32
			s.Softmax(scores, 2, 1, &sums)
			for i, x := range chunk {
				want := math.Exp(float64(x))
				relative := math.Abs(float64(scores[Lanes+i])-want) / want
				if !(relative <= 2e-7) {
					t.Fatalf("e^%v: %v, want %v", x, scores[Lanes+i], want)
				}
				worst = max(worst, relative)
			}
		}
		t.Logf("largest relative error %.2g", worst)
		for _, x := range []float32{-87.1, -88, -104, -1000, -math.MaxFloat32, float32(math.Inf(-1))} {
			scores := make([]float32, 2*Lanes)
			scores[Lanes] = x
			var sums [Lanes]float32
			s.Softmax(scores, 2, 1, &sums)
			if e := scores[Lanes]; !(e >= 0 && e <= 2e-38) || sums[0] != 1 {
				t.Errorf("e^%v: %v, sum %v", x, e, sums[0])
			}
		}
	})
}

// Whatever is not finite must show in the lane's sum, by which all its weights are divided, and nowhere else.
func TestSoftmaxNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, bad := range []float32{nan, inf, math.Float32frombits(0xFFC00000)} {
			for _, rows := range edgeLengths {
				for _, row := range []int{0, rows / 2, rows - 1} {
					scores, lane := random(r, rows*Lanes), r.IntN(Lanes)
					scores[row*Lanes+lane] = bad
					var sums [Lanes]float32
					s.Softmax(scores, rows, 0.5, &sums)
					for l, sum := range sums {
						if isNaN(sum) != (l == lane) {
							t.Fatalf("%v in row %d of %d, lane %d: sum of lane %d is %v", bad, row, rows, lane, l, sum)
						}
					}
				}
			}
		}
		scores := slices.Repeat([]float32{-inf}, 3*Lanes)
		var sums [Lanes]float32
		s.Softmax(scores, 3, 1, &sums)
		if !isNaN(sums[0]) || !isNaN(sums[15]) {
			t.Errorf("nothing but -Inf: sums %v", sums)
		}
	})
}

func TestSoftmaxIsTheSameInEveryLane(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, rows := range edgeLengths {
			column := random(r, rows)
			scores := make([]float32, 0, rows*Lanes)
			for _, v := range column {
				scores = append(scores, slices.Repeat([]float32{v}, Lanes)...)
			}
			var sums [Lanes]float32
			s.Softmax(scores, rows, 3, &sums)
			for i, v := range scores {
				if v != scores[i/Lanes*Lanes] {
					t.Fatalf("row %d: lane %d has %v, lane 0 %v", i/Lanes, i%Lanes, v, scores[i/Lanes*Lanes])
				}
			}
			if sums != [Lanes]float32(slices.Repeat([]float32{sums[0]}, Lanes)) {
				t.Fatalf("%d rows: sums differ: %v", rows, sums)
			}
		}
	})
}

func TestDivideLanes(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, channels := range []int{1, 2, 3, 128} {
			for low := range Lanes + 1 {
				for high := low; high <= Lanes; high++ {
					src, out := random(r, channels*Lanes), newOutput(channels*Lanes)
					var divisors [Lanes]float32
					for l := range divisors {
						divisors[l] = 1 + 100*r.Float32()
					}
					s.DivideLanes(out.data, src, &divisors, channels, low, high)
					out.check(t)
					for i, v := range out.data {
						lane := i % Lanes
						if lane < low || lane >= high {
							if !isPoison(v) {
								t.Fatalf("lanes %d to %d: wrote lane %d", low, high, lane)
							}
							continue
						}
						want := float64(src[i]) / float64(divisors[lane])
						near(t, v, want, math.Abs(want), "lanes %d to %d: channel %d, lane %d", low, high, i/Lanes, lane)
					}
				}
			}
		}
		var divisors [Lanes]float32
		mustPanic(t, "no channels", func() { s.DivideLanes(nil, nil, &divisors, 0, 0, Lanes) })
		mustPanic(t, "short output", func() {
			s.DivideLanes(make([]float32, 2*Lanes-1), make([]float32, 2*Lanes), &divisors, 2, 0, Lanes)
		})
		for name, lanes := range map[string][2]int{"before": {-1, 4}, "after": {3, Lanes + 1}} {
			mustPanic(t, name, func() {
				s.DivideLanes(make([]float32, Lanes), make([]float32, Lanes), &divisors, 1, lanes[0], lanes[1])
			})
		}
	})
}
