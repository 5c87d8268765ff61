package vad

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"

	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
)

// clip reads a reference clip.
func clip(t testing.TB, name string) []float32 {
	t.Helper()
	f, err := os.Open(golden.Reference(t, "audio", name+".wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	samples, err := wav.Decode(f, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// kernels returns every set that runs here.
func kernels(t testing.TB) map[string]*kernel.Set {
	t.Helper()
	sets := map[string]*kernel.Set{}
	for _, isa := range kernel.Available() {
		set, err := kernel.Select(isa.String())
		if err != nil {
			t.Fatal(err)
		}
		sets[isa.String()] = set
	}
	return sets
}

func fastest(t testing.TB) *kernel.Set {
	t.Helper()
	set, err := kernel.Select("auto")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// released reads the released model.
func released(t testing.TB, set *kernel.Set) *Model {
	t.Helper()
	m, err := Open(golden.Reference(t, "fsmn-vad", "model.pt"), set)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// scoresOf scores a recording in chunks of the sizes that size returns.
func scoresOf(m *Model, samples []float32, size func() int) []score {
	s, ws := newScorer(m), newWorkspace(m)
	var all []score
	for len(samples) > 0 {
		chunk := samples[:min(size(), len(samples))]
		samples = samples[len(chunk):]
		for len(chunk) > 0 {
			taken, scores := s.next(chunk, ws)
			all = append(all, scores...)
			chunk = chunk[taken:]
		}
	}
	return append(all, s.last(ws)...)
}

func whole() int { return 1 << 30 }

func silences(scores []score) []float32 {
	var values []float32
	for _, s := range scores {
		values = append(values, s.silence)
	}
	return values
}

func TestSilenceProbabilities(t *testing.T) {
	for isa, set := range kernels(t) {
		t.Run(isa, func(t *testing.T) {
			if testing.Short() && set.ISA() != fastest(t).ISA() {
				t.Skip("SKIPPED in short mode: slow kernels at the released size")
			}
			m := released(t, set)
			for _, name := range []string{"en", "sample"} {
				want, _ := golden.NPY(t, golden.Reference(t, "fsmn-vad", name+".silence.npy"))
				worst, mean := golden.Compare(t, silences(scoresOf(m, clip(t, name), whole)), want)
				t.Logf("%s: largest difference %.2g, mean %.2g", name, worst, mean)
				if !(worst <= 1e-4) {
					t.Errorf("%s: largest difference %g", name, worst)
				}
			}
		})
	}
}

func TestReferenceSegments(t *testing.T) {
	data, err := os.ReadFile(golden.Reference(t, "fsmn-vad", "segments.json"))
	if err != nil {
		t.Fatal(err)
	}
	var clips map[string]map[string][][2]int64
	if err := json.Unmarshal(data, &clips); err != nil {
		t.Fatal(err)
	}
	m := released(t, fastest(t))
	for name, limits := range clips {
		scores := scoresOf(m, clip(t, name), whole)
		for limit, want := range limits {
			t.Run(name+"/"+limit, func(t *testing.T) {
				o := DefaultOptions()
				if o.MaxSingleSegmentTime, err = strconv.Atoi(limit); err != nil {
					t.Fatal(err)
				}
				d, err := m.NewDetector(o)
				if err != nil {
					t.Fatal(err)
				}
				d.step(scores) // the network's part is the same for all limits
				segments := ended(nil, d.events)
				rest, err := d.Flush()
				if err != nil {
					t.Fatal(err)
				}
				var got [][2]int64
				for _, s := range ended(segments, rest) {
					got = append(got, [2]int64{s.Start, s.End})
				}
				if !slices.Equal(got, want) {
					t.Errorf("got  %v\nwant %v", got, want)
				}
			})
		}
	}
}

func TestReleasedModelInChunks(t *testing.T) {
	checkChunks(t, released(t, fastest(t)), clip(t, "sample")[:2.5*16000])
}

func BenchmarkSegments(b *testing.B) {
	m, samples, o := released(b, fastest(b)), clip(b, "vad_example"), DefaultOptions()
	for b.Loop() {
		if _, err := m.Segments(samples, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(samples))/16000*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}

// BenchmarkStream is one live stream in packets of 100 ms.
func BenchmarkStream(b *testing.B) {
	samples := clip(b, "vad_example")
	d, err := released(b, fastest(b)).NewDetector(DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for packet := range slices.Chunk(samples, 1600) {
			if _, err := d.Write(packet); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := d.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(samples))/16000*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}
