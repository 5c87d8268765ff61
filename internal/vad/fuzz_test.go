package vad

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"sensevoice/internal/weights"
)

// FuzzNew opens damaged model files. One that is accepted must work.
func FuzzNew(f *testing.F) {
	for _, ts := range []tensors{meter(), random(1)} {
		var data bytes.Buffer
		if err := weights.WriteSafetensors(&data, ts.list(), nil); err != nil {
			f.Fatal(err)
		}
		f.Add(data.Bytes())
	}
	set, samples := fastest(f), bursts(1)[:3000]
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := weights.OpenBytes("fuzz", data)
		if err != nil {
			return
		}
		m, err := New(file, nil, set)
		if err != nil {
			return
		}
		if segments, err := m.Segments(samples, DefaultOptions()); err == nil {
			checkSegments(t, segments, len(samples))
		}
	})
}

// FuzzWrite writes sound of any levels under any options, in two ways. A byte is the level of 10 ms, and the
// highest one is not a number.
func FuzzWrite(f *testing.F) {
	loud, quiet := bytes.Repeat([]byte{100}, 60), bytes.Repeat([]byte{0}, 40)
	f.Add(slices.Concat(quiet, loud, quiet, loud, quiet), uint16(161), 500, 100, 0.6, -100.0, 200, 150, 150, 200, 100)
	f.Add([]byte{255}, uint16(1), 30000, 800, 0.6, -100.0, 200, 150, 150, 200, 100)
	f.Add(slices.Concat(loud, quiet), uint16(7), 30, 0, -1.0, 5.0, 20, 10, 0, 0, 0)
	m, noise := meter().model(f, fastest(f)), bursts(1)[:160]
	f.Fuzz(func(t *testing.T, levels []byte, cut uint16, longest, silence int, thres, decibel float64, window, on, off, back, ahead int) {
		o := Options{
			MaxSingleSegmentTime: longest, MaxEndSilenceTime: silence, SpeechNoiseThres: thres, DecibelThres: decibel,
			WindowSize: window, SilToSpeechTimeThres: on, SpeechToSilTimeThres: off, LookbackTimeStartPoint: back, LookaheadTimeEndPoint: ahead,
		}
		var samples []float32
		for _, level := range levels[:min(len(levels), 1000)] {
			gain := float32(level) / 100
			if level == 255 {
				gain = float32(math.NaN())
			}
			for _, x := range noise {
				samples = append(samples, x*gain)
			}
		}
		want, err := m.Segments(samples, o)
		if err != nil {
			return
		}
		checkSegments(t, want, len(samples))
		d, err := m.NewDetector(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := segmentsInChunks(t, d, samples, func() int { return 100 + int(cut) }); !slices.Equal(got, want) {
			t.Errorf("in chunks of %d: %v, whole: %v", cut, got, want)
		}
	})
}

// checkSegments wants segments in order, apart, and inside of the recording.
func checkSegments(t *testing.T, segments []Segment, samples int) {
	t.Helper()
	end := int64(0)
	for _, s := range segments {
		if s.Start < end || s.End <= s.Start || s.End > int64(samples)/16 {
			t.Errorf("segment %v after %d ms, of %d samples", s, end, samples)
		}
		end = s.End
	}
}
