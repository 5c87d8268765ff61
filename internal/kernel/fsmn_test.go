package kernel

import (
	"math"
	"testing"
)

func TestFSMN(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		r := newRand(t)
		for _, channels := range []int{1, 2, 16, 512} {
			for _, taps := range []int{1, 2, 3, 10, 11, 33} {
				for _, left := range []int{0, (taps - 1) / 2, taps - 1} {
					low := r.IntN(Lanes + 1)
					high := low + r.IntN(Lanes+1-low)
					for _, lanes := range [][2]int{{0, Lanes}, {0, 8}, {8, Lanes}, {low, high}} {
						f := FSMN{Pitch: Lanes + taps - 1 + r.IntN(5), Taps: taps, Left: left, Channels: channels, Low: lanes[0], High: lanes[1], Add: r.IntN(2) == 1}
						f.Series, f.Weights = random(r, (channels-1)*f.Pitch+Lanes+taps-1), random(r, channels*taps)
						checkFSMN(t, s, &f, random(r, channels*Lanes))
					}
				}
			}
		}
	})
}

func checkFSMN(t *testing.T, s *Set, f *FSMN, before []float32) {
	t.Helper()
	out := newOutput(f.Channels * Lanes)
	if f.Add {
		copy(out.data, before)
	}
	f.Dst = out.data
	s.FSMN(f)
	out.check(t)
	for i, v := range out.data {
		c, lane := i/Lanes, i%Lanes
		if lane < f.Low || lane >= f.High {
			if f.Add && v != before[i] || !f.Add && !isPoison(v) {
				t.Fatalf("lanes %d to %d: wrote lane %d", f.Low, f.High, lane)
			}
			continue
		}
		want, scale := 0.0, 0.0
		term := func(v float64) { want, scale = want+v, scale+math.Abs(v) }
		term(float64(f.Series[c*f.Pitch+lane+f.Left]))
		for j := range f.Taps {
			term(float64(f.Weights[c*f.Taps+j]) * float64(f.Series[c*f.Pitch+lane+j]))
		}
		if f.Add {
			term(float64(before[i]))
		}
		near(t, v, want, scale, "%d taps, %d left, add %v: channel %d, lane %d", f.Taps, f.Left, f.Add, c, lane)
	}
}

// A NaN reaches the lanes whose taps see it, and no other. A weight of zero is no excuse.
func TestFSMNNotFinite(t *testing.T) {
	each(t, func(t *testing.T, s *Set) {
		const taps, left = 3, 1
		for bad := range Lanes + taps - 1 {
			series := make([]float32, Lanes+taps-1)
			series[bad] = float32(math.NaN())
			out := newOutput(Lanes)
			s.FSMN(&FSMN{Dst: out.data, Series: series, Pitch: len(series), Weights: make([]float32, taps), Taps: taps, Left: left, Channels: 1, High: Lanes})
			for lane, v := range out.data {
				if sees := bad >= lane && bad < lane+taps; isNaN(v) != sees {
					t.Errorf("NaN at %d: lane %d is %v", bad, lane, v)
				}
			}
		}
	})
}

func TestFSMNChecksItsArguments(t *testing.T) {
	good := FSMN{Dst: make([]float32, Lanes), Series: make([]float32, Lanes+2), Weights: make([]float32, 3), Taps: 3, Left: 1, Channels: 1, High: Lanes}
	each(t, func(t *testing.T, s *Set) {
		for name, spoil := range map[string]func(f *FSMN){
			"lanes past the end":   func(f *FSMN) { f.High = Lanes + 1 },
			"lanes before":         func(f *FSMN) { f.Low = -1 },
			"all taps in the past": func(f *FSMN) { f.Left = 3 },
			"left is negative":     func(f *FSMN) { f.Left = -1 },
			"short series":         func(f *FSMN) { f.Series = f.Series[:Lanes+1] },
			"short weights":        func(f *FSMN) { f.Weights = f.Weights[:2] },
			"short output":         func(f *FSMN) { f.Dst = f.Dst[:Lanes-1] },
		} {
			f := good
			spoil(&f)
			mustPanic(t, name, func() { s.FSMN(&f) })
		}
	})
}
