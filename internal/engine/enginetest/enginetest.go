// Package enginetest is the suite that every engine must pass: each operation against its formula in
// float64, at sizes where implementations change their way, and the promises that callers build on: a segment's numbers
// do not depend on what it is batched with, nothing is written outside of the buffers, and what is not finite stays
// where it is. Only tests import this package.
package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sensevoice/internal/engine"
)

// tolerance is how far a result may be from float64, relative to the sum of magnitudes that went into it.
const tolerance = 1e-5

// Exercise runs the suite. newEngine makes a fresh engine that the test's cleanup closes.
func Exercise(t *testing.T, newEngine func(t *testing.T) engine.Engine) {
	for _, test := range []struct {
		name string
		run  func(s *stage)
	}{
		{"LoadRead", testLoadRead},
		{"Reserve", testReserve},
		{"Prices", testPrices},
		{"Matrix", testMatrix},
		{"LayerNorm", testLayerNorm},
		{"Linear", testLinear},
		{"Attend", testAttend},
		{"AttendAlone", testAttendAlone},
		{"AttendNotFinite", testAttendNotFinite},
		{"RowsAlone", testRowsAlone},
		{"ArgMax", testArgMax},
		{"ArgMaxTies", testArgMaxTies},
		{"ArgMaxBans", testArgMaxBans},
		{"ArgMaxAlone", testArgMaxAlone},
		{"ArgMaxNotFinite", testArgMaxNotFinite},
		{"Times", testTimes},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newStage(t, newEngine(t))) })
	}
}

// rowCounts are those at which panels, half panels and blocks of 8, 16 and 32 rows begin and end.
func rowCounts() []int { return []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, mostRows} }

// packed is a batch of segments whose ends fall everywhere in a panel.
func packed() engine.Batch { return batchOf(1, 2, 15, 16, 17, 31, mostRows/6, 5, 7, 4) }

func batchOf(lengths ...int) engine.Batch {
	b := engine.Batch{Starts: []int{0}}
	for i, length := range lengths {
		b.Starts = append(b.Starts, b.Starts[i]+length)
	}
	return b
}

// newRand returns random numbers that are the same in each run: the suite also compares engines with each other.
func newRand() *rand.Rand { return rand.New(rand.NewPCG(2026, 8)) }

// random returns numbers in [-1, 1).
func random(r *rand.Rand, length int) []float32 {
	values := make([]float32, length)
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
	return values
}

// expect holds results in float64, each with the sum of magnitudes that went into it.
type expect struct{ values, scales []float64 }

func newExpect(results int) *expect {
	return &expect{make([]float64, 0, results), make([]float64, 0, results)}
}

func (e *expect) add(terms ...float64) {
	value, scale := 0.0, 0.0
	for _, term := range terms {
		value, scale = value+term, scale+math.Abs(term)
	}
	e.values, e.scales = append(e.values, value), append(e.scales, scale)
}

// check fails at the first result that differs by more than rounding.
func (e *expect) check(t *testing.T, got []float32, channels int, format string, args ...any) {
	t.Helper()
	if len(got) != len(e.values) {
		t.Fatalf("%s: %d results, want %d", fmt.Sprintf(format, args...), len(got), len(e.values))
	}
	for i, want := range e.values {
		if diff := math.Abs(float64(got[i]) - want); !(diff <= tolerance*e.scales[i]) {
			t.Fatalf("%s: row %d, channel %d: got %v, want %v, allowed is %.2g", fmt.Sprintf(format, args...), i/channels, i%channels, got[i], want, tolerance*e.scales[i])
		}
	}
}

// same fails unless both slices have the same bits.
func same(t *testing.T, got, want []float32, format string, args ...any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", fmt.Sprintf(format, args...), len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %v, want %v", fmt.Sprintf(format, args...), i, got[i], want[i])
		}
	}
}

func isNaN(v float32) bool { return v != v }
