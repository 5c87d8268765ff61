package feature_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sensevoice/internal/feature"
	"sensevoice/internal/golden"
)

// samplesOf reads a clip of the reference set: 16-bit mono PCM behind a header of 44 bytes.
func samplesOf(t testing.TB, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data[36:40]) != "data" {
		t.Fatalf("%s: no data chunk at byte 36", path)
	}
	data = data[44:]
	samples := make([]float32, len(data)/2)
	for i := range samples {
		samples[i] = float32(int16(binary.LittleEndian.Uint16(data[2*i:]))) / 32768
	}
	return samples
}

func tones(t testing.TB) []float32 {
	return samplesOf(t, filepath.Join(golden.Root(), "testdata", "tones.wav"))
}

func noise(t testing.TB, n int) []float32 {
	const seed = 7
	t.Logf("noise of seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	samples := make([]float32, n)
	for i := range samples {
		samples[i] = random.Float32() - 0.5
	}
	return samples
}

func readCMVN(t testing.TB, width int, parts ...string) *feature.CMVN {
	t.Helper()
	file, err := os.Open(golden.Reference(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmvn, err := feature.ReadCMVN(file, width)
	if err != nil {
		t.Fatal(err)
	}
	return cmvn
}

// near fails unless got is what torchaudio computed, but for the order of its additions.
func near(t *testing.T, got []float32, path string) {
	t.Helper()
	want, shape := golden.NPY(t, path)
	worst, mean := golden.Compare(t, got, want)
	t.Logf("%s %v: worst difference %.2g, mean %.2g", filepath.Base(path), shape, worst, mean)
	if !(worst <= 5e-3) || !(mean <= 1e-4) {
		t.Errorf("differs from %s by %g at worst, %g on average", path, worst, mean)
	}
}

func logMel(e *feature.Extractor, samples []float32) []float32 {
	frames := make([]float32, e.Frames(len(samples))*e.Bins)
	e.LogMel(frames, samples, new(feature.Workspace))
	return frames
}

func rows(e *feature.Extractor, samples []float32) []float32 {
	rows := make([]float32, e.Rows(len(samples))*e.Width())
	e.Compute(rows, samples, new(feature.Workspace))
	return rows
}

func TestLogMelOfTones(t *testing.T) {
	near(t, logMel(feature.New(feature.SenseVoice, nil), tones(t)), golden.Path("tones.mel.npy"))
}

func TestAgainstTorchaudio(t *testing.T) {
	for _, clip := range []string{"tones", "en", "zh", "sample"} {
		t.Run(clip, func(t *testing.T) {
			e := feature.New(feature.SenseVoice, readCMVN(t, 560, "am.mvn"))
			samples := samplesOf(t, golden.Reference(t, "audio", clip+".wav"))
			near(t, logMel(e, samples), golden.Reference(t, "micro", clip+".mel.npy"))
			near(t, rows(e, samples), golden.Reference(t, "micro", clip+".features.npy"))
		})
	}
}

func TestSizes(t *testing.T) {
	tests := []struct{ samples, frames, rows int }{
		{0, 0, 0},
		{1, 0, 0},
		{399, 0, 0},
		{400, 1, 1},
		{559, 1, 1},
		{560, 2, 1},
		{400 + 5*160, 6, 1},
		{400 + 6*160, 7, 2},
		{480000, 2998, 500},
	}
	e := feature.New(feature.SenseVoice, nil)
	for _, test := range tests {
		if got := e.Frames(test.samples); got != test.frames {
			t.Errorf("%d samples: %d frames, want %d", test.samples, got, test.frames)
		}
		if got := e.Rows(test.samples); got != test.rows {
			t.Errorf("%d samples: %d rows, want %d", test.samples, got, test.rows)
		}
	}
	if got := e.Width(); got != 560 {
		t.Errorf("rows of %d, want 560", got)
	}
	if vad := feature.New(feature.VAD, nil); vad.Width() != 400 || vad.Rows(16000) != vad.Frames(16000) {
		t.Errorf("voice detection: %d rows of %d to %d frames", vad.Rows(16000), vad.Width(), vad.Frames(16000))
	}
}

// TestStacking states which frame goes where, for lengths around a whole row.
func TestStacking(t *testing.T) {
	tests := []struct {
		name   string
		config feature.Config
		frames int
		want   [][]int
	}{
		{"one frame", feature.SenseVoice, 1, [][]int{{0, 0, 0, 0, 0, 0, 0}}},
		{"six frames", feature.SenseVoice, 6, [][]int{{0, 0, 0, 0, 1, 2, 3}}},
		{"seven frames", feature.SenseVoice, 7, [][]int{{0, 0, 0, 0, 1, 2, 3}, {3, 4, 5, 6, 6, 6, 6}}},
		{"voice detection", feature.VAD, 4, [][]int{{0, 0, 0, 1, 2}, {0, 0, 1, 2, 3}, {0, 1, 2, 3, 3}, {1, 2, 3, 3, 3}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := feature.New(test.config, nil)
			samples := noise(t, 400+160*(test.frames-1))
			frames, got := logMel(e, samples), rows(e, samples)
			var want []float32
			for _, row := range test.want {
				for _, frame := range row {
					want = append(want, frames[frame*80:][:80]...)
				}
			}
			if !slices.Equal(got, want) {
				t.Error("frames are not where they belong")
			}
		})
	}
}

func TestNormalisation(t *testing.T) {
	width := feature.VAD.Width()
	cmvn := &feature.CMVN{Shift: make([]float32, width), Scale: make([]float32, width)}
	for i := range width {
		cmvn.Shift[i], cmvn.Scale[i] = float32(i), 1/float32(i+1)
	}
	samples := noise(t, 1000)
	plain, got := rows(feature.New(feature.VAD, nil), samples), rows(feature.New(feature.VAD, cmvn), samples)
	for i, x := range plain {
		if want := (x + cmvn.Shift[i%width]) * cmvn.Scale[i%width]; got[i] != want {
			t.Fatalf("value %d: %g, want %g", i, got[i], want)
		}
	}
}

// TestPiecesEqualWhole is what lets features be computed while the sound is still arriving.
func TestPiecesEqualWhole(t *testing.T) {
	e := feature.New(feature.VAD, nil)
	samples := tones(t)
	want := logMel(e, samples)
	for _, frames := range []int{1, 7, 64} {
		var got []float32
		for start := 0; len(samples)-start >= e.FrameLength; start += frames * e.FrameShift {
			end := min(start+(frames-1)*e.FrameShift+e.FrameLength, len(samples))
			got = append(got, logMel(e, samples[start:end])...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pieces of %d frames differ from the whole", frames)
		}
	}
}

func TestSilenceAndFullScale(t *testing.T) {
	e := feature.New(feature.SenseVoice, nil)
	for _, level := range []float32{0, 1, -1} {
		for i, x := range logMel(e, slices.Repeat([]float32{level}, 1600)) {
			if want := float32(math.Log(0x1p-23)); x != want {
				t.Fatalf("constant %g: value %d is %g, want the floor %g", level, i, x, want)
			}
		}
	}
	square := make([]float32, 1600)
	for i := range square {
		square[i] = float32(i/8%2*2 - 1)
	}
	for i, x := range logMel(e, square) {
		if !(x > -20 && x < 40) {
			t.Fatalf("full scale: value %d is %g", i, x)
		}
	}
}

// TestNaNIsNotSilence: broken samples are refused before they come here; if one ever does come, its
// frames must not look like a pause.
func TestNaNIsNotSilence(t *testing.T) {
	samples := make([]float32, 400)
	samples[200] = float32(math.NaN())
	for i, x := range logMel(feature.New(feature.SenseVoice, nil), samples) {
		if x == x {
			t.Fatalf("value %d is %g, want NaN", i, x)
		}
	}
}

func TestComputeAllocatesNothing(t *testing.T) {
	e := feature.New(feature.SenseVoice, nil)
	samples := noise(t, 16000)
	dst := make([]float32, e.Rows(len(samples))*e.Width())
	var ws feature.Workspace
	e.Compute(dst, samples, &ws)
	if allocations := testing.AllocsPerRun(10, func() { e.Compute(dst, samples, &ws) }); allocations != 0 {
		t.Errorf("%v allocations in a call that fits the workspace", allocations)
	}
}

func TestConcurrentUse(t *testing.T) {
	e := feature.New(feature.SenseVoice, nil)
	samples := noise(t, 8000)
	want := rows(e, samples)
	results := make(chan []float32)
	for range 4 {
		go func() { results <- rows(e, samples) }()
	}
	for range 4 {
		if !slices.Equal(<-results, want) {
			t.Error("goroutines that share an extractor disagree")
		}
	}
}

func TestMisuse(t *testing.T) {
	config := func(change func(*feature.Config)) func() {
		cfg := feature.SenseVoice
		change(&cfg)
		return func() { feature.New(cfg, nil) }
	}
	tests := map[string]func(){
		"no bins":      config(func(c *feature.Config) { c.Bins = 0 }),
		"frame of 1":   config(func(c *feature.Config) { c.FrameLength = 1 }),
		"frame of 513": config(func(c *feature.Config) { c.FrameLength = 513 }),
		"no shift":     config(func(c *feature.Config) { c.FrameShift = 0 }),
		"even stack":   config(func(c *feature.Config) { c.Stack = 6 }),
		"no stride":    config(func(c *feature.Config) { c.Stride = 0 }),
		"other width":  func() { feature.New(feature.SenseVoice, &feature.CMVN{}) },
		"wrong size": func() {
			feature.New(feature.VAD, nil).Compute(make([]float32, 399), make([]float32, 400), new(feature.Workspace))
		},
		"wrong mel length": func() { feature.New(feature.VAD, nil).LogMel(nil, make([]float32, 400), new(feature.Workspace)) },
	}
	for name, misuse := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse()
		})
	}
}

func BenchmarkCompute10s(b *testing.B) {
	e := feature.New(feature.SenseVoice, nil)
	samples := noise(b, 160000)
	dst := make([]float32, e.Rows(len(samples))*e.Width())
	var ws feature.Workspace
	for b.Loop() {
		e.Compute(dst, samples, &ws)
	}
}
