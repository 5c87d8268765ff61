package kernel

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// tolerance is what the package promises, relative to the sum of magnitudes.
const tolerance = 1e-5

var seedFlag = flag.Uint64("seed", 0, "repeats a test with the random numbers of a logged seed")

// each runs a test under every instruction set that this machine and build can run.
func each(t *testing.T, test func(t *testing.T, s *Set)) {
	t.Helper()
	for _, isa := range Available() {
		t.Run(isa.String(), func(t *testing.T) {
			s, err := Select(isa.String())
			if err != nil {
				t.Fatal(err)
			}
			if s.ISA() != isa {
				t.Fatalf("selected %v, got %v", isa, s.ISA())
			}
			test(t, s)
		})
	}
}

// newRand returns random numbers of a new seed, which it logs.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// random returns numbers in [-1, 1).
func random(r *rand.Rand, length int) []float32 {
	values := make([]float32, length)
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
	return values
}

const (
	guardLength = 67 // odd, so that outputs are not aligned to vectors
	canary      = 0x7FC0CAFE
	poison      = 0x7FC0DEAD
)

// output is a slice to be written, full of NaN, inside a larger one.
type output struct {
	whole, data []float32
}

func newOutput(length int) *output {
	o := &output{whole: make([]float32, length+2*guardLength)}
	for i := range o.whole {
		o.whole[i] = math.Float32frombits(canary)
	}
	o.data = o.whole[guardLength:][:length:length]
	for i := range o.data {
		o.data[i] = math.Float32frombits(poison)
	}
	return o
}

// check fails if a guard was written.
func (o *output) check(t testing.TB) {
	t.Helper()
	for i, v := range o.whole {
		inside := i >= guardLength && i < len(o.whole)-guardLength
		if !inside && math.Float32bits(v) != canary {
			t.Fatalf("wrote %v at %d of an output of %d", v, i-guardLength, len(o.data))
		}
	}
}

func isPoison(v float32) bool { return math.Float32bits(v) == poison }

func isNaN(v float32) bool { return v != v }

// near fails unless got is want but for rounding: scale is the sum of magnitudes that went into it.
func near(t testing.TB, got float32, want, scale float64, format string, args ...any) {
	t.Helper()
	if diff := math.Abs(float64(got) - want); !(diff <= tolerance*scale) {
		t.Fatalf("%s: got %v, want %v: %v apart, %v allowed", fmt.Sprintf(format, args...), got, want, diff, tolerance*scale)
	}
}

// toPanels lays row-major values out in panels of that pitch; lanes past the last row become NaN.
func toPanels(values []float32, rows, channels, pitch int) []float32 {
	panels := make([]float32, Panels(rows)*pitch)
	for i := range panels {
		panels[i] = math.Float32frombits(poison)
	}
	for r := range rows {
		for c := range channels {
			panels[at(r, c, pitch)] = values[r*channels+c]
		}
	}
	return panels
}

// at returns where a row's channel is in panels of that pitch.
func at(row, channel, pitch int) int { return row/Lanes*pitch + channel*Lanes + row%Lanes }

func mustPanic(t *testing.T, name string, call func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: did not panic", name)
		}
	}()
	call()
}
