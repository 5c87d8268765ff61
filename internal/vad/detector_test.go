package vad

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"sensevoice/internal/feature"
)

func detector(t testing.TB) *Detector {
	t.Helper()
	d, err := meter().model(t, fastest(t)).NewDetector(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestShortSound(t *testing.T) {
	m := meter().model(t, fastest(t))
	loud := bursts(1)
	tests := []struct {
		name    string
		samples []float32
		frames  int
	}{
		{"nothing", nil, 0},
		{"one sample", loud[:1], 0},
		{"10 ms", loud[:160], 0},
		{"a sample less than a frame", loud[:399], 0},
		{"a frame", loud[:400], 1},
		{"two frames", loud[:560], 2},
		{"as many as wait for more", loud[:400+160*3], 4},
		{"a second of digital silence", make([]float32, 16000), 98},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := len(scoresOf(m, test.samples, whole)); got != test.frames {
				t.Errorf("%d frames scored, want %d", got, test.frames)
			}
			segments, err := m.Segments(test.samples, DefaultOptions())
			if err != nil || len(segments) != 0 {
				t.Errorf("segments %v, error %v", segments, err)
			}
		})
	}
}

// TestLiveEvents writes a stream and looks at when its events come.
func TestLiveEvents(t *testing.T) {
	type arrival struct {
		Event
		at int64 // ms of sound written
	}
	d := detector(t)
	var got []arrival
	written := int64(0)
	for packet := range slices.Chunk(bursts(3), 160) {
		if earliest := d.Earliest(); earliest > written {
			t.Fatalf("Earliest is %d after %d ms", earliest, written)
		}
		written += 10
		events, err := d.Write(packet)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			got = append(got, arrival{e, written})
		}
	}
	events, err := d.Flush()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		got = append(got, arrival{e, written})
	}
	// Loud from 0 to 1 s and from 2.5 to 3 s. The last frame begins 25 ms before the end.
	want := []arrival{
		{Event{Segment: Segment{Start: 0}}, 190},
		{Event{Segment{0, 1180}, true}, 1760},
		{Event{Segment: Segment{Start: 2220}}, 2670},
		{Event{Segment{2220, 2980}, true}, 3000},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestBadSamples(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30} {
		d := detector(t)
		samples := bursts(2)
		first, err := d.Write(samples[:1000])
		if err != nil {
			t.Fatal(err)
		}
		segments := ended(nil, first)
		damaged := slices.Clone(samples[1000:])
		damaged[234] = bad
		_, err = d.Write(damaged)
		var sample *SampleError
		if !errors.As(err, &sample) || sample.Position != 1234 {
			t.Errorf("%v: error %v, want one at sample 1234", bad, err)
		}
		// Nothing was taken: the stream goes on with the samples as they should have been.
		events, err := d.Write(samples[1000:])
		if err != nil {
			t.Fatal(err)
		}
		segments = ended(segments, events)
		if events, err = d.Flush(); err != nil {
			t.Fatal(err)
		}
		segments = ended(segments, events)
		want, err := d.model.Segments(samples, DefaultOptions())
		if err != nil || len(want) == 0 || !slices.Equal(segments, want) {
			t.Errorf("%v: segments %v, want %v (error %v)", bad, segments, want, err)
		}
	}
}

func TestLoudestSamples(t *testing.T) {
	samples := make([]float32, 16000)
	for i := range samples {
		samples[i] = largestSample * float32(1-2*(i/3%2))
	}
	if _, err := meter().model(t, fastest(t)).Segments(samples, DefaultOptions()); err != nil {
		t.Error(err)
	}
}

// TestOverflowingNetwork: weights that are finite may still bring infinities, which must not pass for silence.
func TestOverflowingNetwork(t *testing.T) {
	ts := meter()
	ts.set("encoder.in_linear1.linear.weight", slices.Repeat([]float32{3e38}, feature.VAD.Width()), 1, feature.VAD.Width())
	d, err := ts.model(t, fastest(t)).NewDetector(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	const want = "voice detection: the network answers NaN at 0 ms: are its weights those of another model?"
	for range 2 {
		if events, err := d.Write(bursts(1)); err == nil || err.Error() != want || len(events) != 0 {
			t.Errorf("events %v, error %v", events, err)
		}
	}
	if _, err := d.Flush(); err == nil || err.Error() != want {
		t.Errorf("flush: %v", err)
	}
	if _, err := d.Flush(); err != nil {
		t.Errorf("after the flush: %v", err)
	}
}

// TestDecibelThres uses bursts with a deviation of 0.1: the sum of 400 squares is about 4, or 6 dB.
func TestDecibelThres(t *testing.T) {
	m := meter().model(t, fastest(t))
	for _, test := range []struct {
		thres    float64
		segments bool
	}{{-100, true}, {5, true}, {7, false}} {
		o := DefaultOptions()
		o.DecibelThres = test.thres
		segments, err := m.Segments(bursts(2), o)
		if err != nil || (len(segments) > 0) != test.segments {
			t.Errorf("threshold %v dB: segments %v, error %v", test.thres, segments, err)
		}
	}
}

func TestSpeechNoiseThres(t *testing.T) {
	for _, test := range []struct {
		silence float32
		thres   float64
		want    bool
	}{
		{0, 1, true},
		{.19, .6, true},
		{.21, .6, false},
		{.24, .5, true},
		{1, .6, false},
		{1, -1, true},
	} {
		o := DefaultOptions()
		o.SpeechNoiseThres = test.thres
		if got := newDecision(o).of(score{silence: test.silence}); got != test.want {
			t.Errorf("silence %v, threshold %v: speech %v", test.silence, test.thres, got)
		}
	}
}

func TestFlushBeginsAnew(t *testing.T) {
	d := detector(t)
	samples := bursts(3)
	want := segmentsInChunks(t, d, samples, whole)
	if again := segmentsInChunks(t, d, samples, whole); !slices.Equal(again, want) || len(want) == 0 {
		t.Errorf("second stream: %v, first: %v", again, want)
	}
	if _, err := d.Write(samples); err != nil {
		t.Fatal(err)
	}
	d.Reset()
	if again := segmentsInChunks(t, d, samples, whole); !slices.Equal(again, want) {
		t.Errorf("after Reset: %v, first: %v", again, want)
	}
}

func TestNewDetectorRefuses(t *testing.T) {
	m := meter().model(t, fastest(t))
	if _, err := m.NewDetector(Options{}); err == nil {
		t.Error("options without a window were accepted")
	}
	if _, err := m.Segments(nil, Options{}); err == nil {
		t.Error("options without a window were accepted")
	}
}

func TestStreamsShareAModel(t *testing.T) {
	m := random(2).model(t, fastest(t))
	samples := bursts(3)
	want := scoresOf(m, samples, whole)
	o := DefaultOptions()
	o.SpeechNoiseThres = 1 - 2*float64(want[0].silence) // some speech, some not
	segments, err := m.Segments(samples, o)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			d, err := m.NewDetector(o)
			if err != nil {
				t.Error(err)
				return
			}
			if got := segmentsInChunks(t, d, samples, func() int { return 100 + 333*i }); !slices.Equal(got, segments) {
				t.Errorf("stream %d: %v, want %v", i, got, segments)
			}
		})
	}
	group.Wait()
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	m := meter().model(t, fastest(t))
	s, ws := newScorer(m), newWorkspace(m)
	states := newSegmenter(DefaultOptions())
	packet := bursts(1)[:1600]
	write := func() {
		_, scores := s.next(packet, ws)
		for range scores {
			states.step(true)
		}
	}
	if allocations := testing.AllocsPerRun(200, write); allocations != 0 {
		t.Errorf("%v allocations for a packet", allocations)
	}
}
