package kernel

import (
	"math"
	"testing"
)

func TestScores(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, depth := range []int{1, 2, 3, 4, 5, 16, 17, 128} {
			for _, panels := range []int{1, 2, 3, 7} {
				pitch := depth*Lanes + r.IntN(40)
				keys, query := random(r, (panels-1)*pitch+depth*Lanes), random(r, depth*Lanes)
				out := newOutput(panels * Lanes * Lanes)
				s.Scores(&Scores{Keys: keys, Pitch: pitch, Query: query, Out: out.data, Depth: depth, Panels: panels})
				out.check(t)
				for key := range panels * Lanes {
					for lane := range Lanes {
						want, scale := 0.0, 0.0
						for d := range depth {
							term := float64(keys[at(key, d, pitch)]) * float64(query[d*Lanes+lane])
							want, scale = want+term, scale+math.Abs(term)
						}
						near(t, out.data[key*Lanes+lane], want, scale, "depth %d, %d panels: key %d, lane %d", depth, panels, key, lane)
					}
				}
			}
		}
	})
}

// The product of one key and one query is the same wherever both lie.
func TestScoresAreTheSameEverywhere(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		const depth, panels = 23, 2
		key, query := random(r, depth), random(r, depth)
		first := math.NaN()
		for place := range panels * Lanes {
			for lane := range Lanes {
				a := Scores{Keys: random(r, panels*depth*Lanes), Pitch: depth * Lanes, Query: random(r, depth*Lanes), Out: newOutput(panels * Lanes * Lanes).data, Depth: depth, Panels: panels}
				for d := range depth {
					a.Keys[at(place, d, a.Pitch)], a.Query[d*Lanes+lane] = key[d], query[d]
				}
				s.Scores(&a)
				got := float64(a.Out[place*Lanes+lane])
				if place == 0 && lane == 0 {
					first = got
				}
				if got != first {
					t.Fatalf("key %d, lane %d: %v, want %v", place, lane, got, first)
				}
			}
		}
	})
}
