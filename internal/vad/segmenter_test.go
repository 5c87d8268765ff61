package vad

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// run is a stretch of equal frames.
type run struct {
	speech bool
	frames int
}

// eventsOf hands frames to a state machine, and then the end of the sound.
func eventsOf(o Options, runs ...run) []Event {
	s := newSegmenter(o)
	var events []Event
	add := func(e Event, happened bool) {
		if happened {
			events = append(events, e)
		}
	}
	for _, r := range runs {
		for range r.frames {
			add(s.step(r.speech))
		}
	}
	add(s.flush())
	return events
}

// TestStateMachine compares with FunASR's, see testdata/README.md.
func TestStateMachine(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "segments.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Options  json.RawMessage
		Runs     []int
		Segments [][2]int64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i, c := range cases {
		o := DefaultOptions()
		if err := json.Unmarshal(c.Options, &o); err != nil {
			t.Fatal(err)
		}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		var runs []run
		for j, frames := range c.Runs {
			runs = append(runs, run{j%2 == 1, frames})
		}
		var got [][2]int64
		for _, s := range ended(nil, eventsOf(o, runs...)) {
			got = append(got, [2]int64{s.Start, s.End})
		}
		if !slices.Equal(got, c.Segments) {
			t.Errorf("case %d, %s:\ngot  %v\nwant %v", i, c.Options, got, c.Segments)
		}
		compared += len(got)
	}
	if compared < 100 {
		t.Errorf("only %d segments compared", compared)
	}
}

func TestEvents(t *testing.T) {
	started := func(start int64) Event { return Event{Segment: Segment{Start: start}} }
	finished := func(start, end int64) Event { return Event{Segment: Segment{start, end}, Ended: true} }
	const hour = 360000
	tests := []struct {
		name string
		runs []run
		want []Event
	}{
		{"nothing", nil, nil},
		{"silence", []run{{false, hour}}, nil},
		{"too short", []run{{false, 100}, {true, 14}, {false, 100}}, nil},
		{"long enough", []run{{false, 100}, {true, 15}, {false, 200}}, []Event{started(740), finished(740, 1310)}},
		{"at the beginning", []run{{true, 50}, {false, 200}}, []Event{started(0), finished(0, 660)}},
		{"until the end", []run{{false, 100}, {true, 100}}, []Event{started(740), finished(740, 2000)}},
		{"short pause", []run{{true, 50}, {false, 50}, {true, 50}, {false, 200}}, []Event{started(0), finished(0, 1660)}},
		{"long pause", []run{{true, 50}, {false, 70}, {true, 50}}, []Event{started(0), finished(0, 660), started(940), finished(940, 1700)}},
		{"no end", []run{{true, 6100}}, []Event{
			started(0), finished(0, 30010), started(30010), finished(30010, 60020), started(60020), finished(60020, 61000),
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := eventsOf(DefaultOptions(), test.runs...); !slices.Equal(got, test.want) {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
		})
	}
}

// TestHoldEnd has words that begin just before a segment would end.
func TestHoldEnd(t *testing.T) {
	short := []run{{true, 50}, {false, 28}, {true, 12}, {false, 40}} // the second word does not fill the window without its first frames
	started, finished := Event{}, func(end int64) Event { return Event{Segment: Segment{0, end}, Ended: true} }
	for _, test := range []struct {
		name string
		hold bool
		runs []run
		want []Event
	}{
		{"lost", false, short, []Event{started, finished(660)}},
		{"held", true, short, []Event{started, finished(960)}},
		{"nothing to hold for", true, []run{{true, 50}, {false, 100}}, []Event{started, finished(660)}},
		{"joined", true, []run{{true, 50}, {false, 28}, {true, 30}, {false, 100}}, []Event{started, finished(1240)}},
		{"noise", true, slices.Concat([]run{{true, 50}}, slices.Repeat([]run{{false, 9}, {true, 1}}, 20)), []Event{started, finished(1060)}},
	} {
		o := DefaultOptions()
		o.MaxEndSilenceTime, o.HoldEnd = 400, test.hold
		if got := eventsOf(o, test.runs...); !slices.Equal(got, test.want) {
			t.Errorf("%s: got  %v\nwant %v", test.name, got, test.want)
		}
	}
}

// TestConstantSpeech has ten hours of it: everything is covered, by segments of the greatest length.
func TestConstantSpeech(t *testing.T) {
	const frames = 3_600_000
	o := DefaultOptions()
	var end int64
	for _, s := range ended(nil, eventsOf(o, run{true, frames})) {
		if s.Start != end || s.End-s.Start > int64(o.MaxSingleSegmentTime+frameTime) {
			t.Fatalf("segment %v after %d", s, end)
		}
		end = s.End
	}
	if end != frames*frameTime {
		t.Errorf("segments cover %d ms, want %d", end, frames*frameTime)
	}
}

// TestGrowingSegments measures the silence that ends a segment after so much speech.
func TestGrowingSegments(t *testing.T) {
	o := DefaultOptions()
	o.MaxSingleSegmentTime, o.SilenceSchedule = 100_000, GrowingSegments()
	for _, test := range []struct{ speech, silence int }{ // ms
		{1000, 2000},
		{3000, 2000},
		{3700, 1500},
		{8500, 1500},
		{9200, 1000},
		{14000, 1000},
		{14400, 800},
		{29200, 800},
		{29800, 400},
		{44600, 400},
		{44990, 100},
		{60000, 100},
	} {
		s := newSegmenter(o)
		for range test.speech / frameTime {
			s.step(true)
		}
		got := 0
		for s.inside {
			s.step(false)
			got += frameTime
		}
		// The window turns when 5 of its 20 frames are silence, and the frame at which it turns does not count. Of what
		// is left of the silence after speech_to_sil_time_thres, at least one frame must be seen.
		if want := 50 + max(test.silence-o.SpeechToSilTimeThres, frameTime); got != want {
			t.Errorf("%d ms of speech: %d ms of silence end it, want %d", test.speech, got, want)
		}
	}
}

func TestEarliest(t *testing.T) {
	s := newSegmenter(DefaultOptions())
	promised := int64(0)
	for i := range 5000 {
		earliest := s.earliest()
		if earliest < promised {
			t.Fatalf("frame %d: earliest is %d, was %d", i, earliest, promised)
		}
		promised = earliest
		if event, happened := s.step(i/97%3 > 0); happened && event.Start < promised*frameTime {
			t.Fatalf("frame %d: %v begins before %d ms", i, event, promised*frameTime)
		}
	}
	if promised == 0 {
		t.Error("never advanced")
	}
}
