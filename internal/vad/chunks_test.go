package vad

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// segmentsInChunks writes a recording to one detector in chunks.
func segmentsInChunks(t *testing.T, d *Detector, samples []float32, size func() int) []Segment {
	t.Helper()
	var segments []Segment
	take := func(events []Event, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		segments = ended(segments, events)
	}
	for rest := samples; len(rest) > 0; {
		n := min(size(), len(rest))
		take(d.Write(rest[:n]))
		rest = rest[n:]
	}
	take(d.Flush())
	return segments
}

// checkChunks compares a recording cut in many ways with the whole: scores bit for bit, and segments.
func checkChunks(t *testing.T, m *Model, samples []float32) {
	t.Helper()
	const seed = 11
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	sizes := map[string]func() int{
		"1 sample":     func() int { return 1 },
		"160":          func() int { return 160 },
		"161":          func() int { return 161 },
		"1600":         func() int { return 1600 },
		"block and 1":  func() int { return 64*160 + 1 },
		"random short": func() int { return 1 + random.IntN(700) },
		"random long":  func() int { return 1 + random.IntN(30000) },
	}
	scores := scoresOf(m, samples, whole)
	segments, err := m.Segments(samples, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if len(segments) == 0 {
		t.Fatal("the recording has no segments to compare")
	}
	d, err := m.NewDetector(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range sizes {
		if got := scoresOf(m, samples, size); !slices.Equal(got, scores) {
			t.Errorf("chunks of %s: scores differ from the whole's", name)
		}
		if got := segmentsInChunks(t, d, samples, size); !slices.Equal(got, segments) {
			t.Errorf("chunks of %s: segments %v, want %v", name, got, segments)
		}
	}
}
