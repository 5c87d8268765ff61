package vad

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
)

// embedded reads the model in the program.
func embedded(t testing.TB) *Model {
	t.Helper()
	m, err := Open(filepath.Join(golden.Root(), "internal", "modelstore", "embedded", "fsmn-vad-tiny.safetensors"), fastest(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// spoken is a recording of which it is known where each word or phrase sounds.
type spoken struct {
	File   string
	Group  string   // of which the accuracy is wanted
	Speech [][2]int // in samples

	samples []float32
}

// readSpoken reads a folder of recordings and the list that says where they sound.
func readSpoken(t *testing.T, folder, list string) []spoken {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, list))
	if err != nil {
		t.Fatal(err)
	}
	var all []spoken
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		f, err := os.Open(filepath.Join(folder, all[i].File))
		if err != nil {
			t.Fatal(err)
		}
		all[i].samples, err = wav.Decode(f, 1<<24)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// wanted returns the segments that the state machine makes if every frame is known for what it is: speech
// if something sounds at its middle.
func (s spoken) wanted() []Segment {
	states := newSegmenter(DefaultOptions())
	var segments []Segment
	for at := 0; at+400 <= len(s.samples); at += 160 {
		sounds := slices.ContainsFunc(s.Speech, func(bounds [2]int) bool { return bounds[0] <= at+200 && at+200 < bounds[1] })
		if event, happened := states.step(sounds); happened {
			segments = ended(segments, []Event{event})
		}
	}
	if event, happened := states.flush(); happened {
		segments = ended(segments, []Event{event})
	}
	return segments
}

// found counts how near the segments of a model come to the wanted ones.
type found struct {
	wanted, starts, ends int     // segments, and those whose bounds are within 100 ms
	extra                int     // segments where none was wanted
	before, after        []int64 // ms from a segment's start to the first sound in it, and from the last sound to its end
}

func (f *found) add(s spoken, got []Segment) {
	const near = 100
	for _, want := range s.wanted() {
		f.wanted++
		i := slices.IndexFunc(got, func(g Segment) bool { return g.Start < want.End && want.Start < g.End })
		if i < 0 {
			continue
		}
		g := got[i]
		got = got[i+1:]
		f.extra += i
		if d := g.Start - want.Start; d >= -near && d <= near {
			f.starts++
		}
		if d := g.End - want.End; d >= -near && d <= near {
			f.ends++
		}
		f.margins(s, g)
	}
	f.extra += len(got)
}

// margins measures how much silence a segment holds on both sides of its sound.
func (f *found) margins(s spoken, g Segment) {
	first, last := int64(-1), int64(-1)
	for _, bounds := range s.Speech {
		start, end := int64(bounds[0]/16), int64(bounds[1]/16)
		if end <= g.Start || start >= g.End {
			continue
		}
		if first < 0 {
			first = start
		}
		last = end
	}
	if first >= 0 {
		f.before, f.after = append(f.before, first-g.Start), append(f.after, g.End-last)
	}
}

func percent(part, of int) float64 { return 100 * float64(part) / float64(of) }

func median(values []int64) int64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func (f *found) log(t *testing.T, name string) {
	t.Helper()
	if f.wanted == 0 || len(f.before) == 0 {
		t.Errorf("%s: %d segments wanted, %d found", name, f.wanted, len(f.before))
		return
	}
	t.Logf("| %s | %d | %.1f%% | %.1f%% | %d | %d ms | %d ms |", name, f.wanted, percent(f.starts, f.wanted), percent(f.ends, f.wanted), f.extra,
		median(f.before), median(f.after))
}

// wordStrings cuts words out of the repository's clips and says them in strings with known gaps and noise: inside of a
// group short ones, and between groups long ones.
func wordStrings(t *testing.T, count int) []spoken {
	t.Helper()
	const seed = 20
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	var sounds [][]float32
	for _, clip := range readSpoken(t, filepath.Join(golden.Root(), "testdata"), "clips.json") {
		for _, bounds := range clip.Speech {
			sounds = append(sounds, clip.samples[bounds[0]:bounds[1]])
		}
	}
	if len(sounds) < 30 {
		t.Fatalf("only %d words", len(sounds))
	}
	made := make([]spoken, count)
	for i := range made {
		s := &made[i]
		pause := func(low, high float64) {
			s.samples = append(s.samples, make([]float32, int(16000*(low+(high-low)*random.Float64())))...)
		}
		pause(.5, 1.5)
		for range 2 + random.IntN(3) {
			for range 2 + random.IntN(4) {
				sound := sounds[random.IntN(len(sounds))]
				s.Speech = append(s.Speech, [2]int{len(s.samples), len(s.samples) + len(sound)})
				s.samples = append(s.samples, sound...)
				pause(.05, .4)
			}
			pause(1, 2)
		}
		level := .03 * float32(random.Float64()) // 0 to some 20 dB below the words
		for j := range s.samples {
			s.samples[j] += level * float32(random.NormFloat64()) * .3
		}
	}
	return made
}

// TestEmbeddedStrings holds the embedded model to its card: 95 % of starts and ends within 100 ms of those that
// perfect knowledge of each frame would give.
func TestEmbeddedStrings(t *testing.T) {
	m := embedded(t)
	var f found
	for _, s := range wordStrings(t, 25) {
		got, err := m.Segments(s.samples, DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		f.add(s, got)
	}
	f.log(t, "clips of testdata")
	if !(percent(f.starts, f.wanted) >= 95 && percent(f.ends, f.wanted) >= 95) || f.extra > 0 {
		t.Errorf("of %d segments %d starts and %d ends are within 100 ms, and %d segments are too many", f.wanted, f.starts, f.ends, f.extra)
	}
}

// TestVADTable prints the card's table for a folder that tools/train/vad_strings.py has made: the embedded model and,
// where it is at hand, the released one.
func TestVADTable(t *testing.T) {
	folder := os.Getenv("SENSEVOICE_VAD_STRINGS")
	if folder == "" {
		t.Skip("SKIPPED: set SENSEVOICE_VAD_STRINGS to a folder that tools/train/vad_strings.py has made")
	}
	all := readSpoken(t, folder, "strings.json")
	models := map[string]func(*testing.T) *Model{
		"embedded": func(t *testing.T) *Model { return embedded(t) },
		"released": func(t *testing.T) *Model { return released(t, fastest(t)) },
	}
	for name, open := range models {
		t.Run(name, func(t *testing.T) {
			m, groups := open(t), map[string]*found{}
			for _, s := range all {
				got, err := m.Segments(s.samples, DefaultOptions())
				if err != nil {
					t.Fatal(err)
				}
				if groups[s.Group] == nil {
					groups[s.Group] = &found{}
				}
				groups[s.Group].add(s, got)
			}
			for group, f := range groups {
				if group != "silence and noise" {
					f.log(t, group)
				} else if t.Logf("| %s | %d | | | %d | | |", group, f.wanted, f.extra); f.wanted > 0 {
					t.Errorf("%d segments are wanted in silence", f.wanted)
				}
			}
		})
	}
}
