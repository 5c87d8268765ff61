package vad

import (
	"fmt"
	"math"
	"slices"
)

// Segment is a stretch of speech, in milliseconds from the beginning of the recording.
type Segment struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"` // of the last frame's 10 ms; never past the recording
}

// Event is the start or the end of a segment. Starts and ends alternate.
type Event struct {
	Segment      // at a start, End is 0: not known yet
	Ended   bool // else it started
}

// SampleError says that sound holds what is no sample.
type SampleError struct {
	Position int64 // samples before it, from the beginning of the recording
	Value    float32
}

func (e *SampleError) Error() string {
	return fmt.Sprintf("sample %d is %v: samples are numbers from -1 to 1", e.Position, e.Value)
}

// Detector finds the segments of one stream of sound while it arrives. Not for use by several goroutines at once.
//
// It keeps some 45 KB for the released network, however long the stream, and once warm allocates nothing.
type Detector struct {
	model     *Model
	scorer    scorer
	segmenter segmenter
	speech    decision
	written   int64 // samples
	events    []Event
	err       error // what a broken network has brought; kept until Reset
}

// NewDetector makes a detector for a stream. Options that Validate refuses are an error.
func (m *Model) NewDetector(o Options) (*Detector, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.SilenceSchedule = slices.Clone(o.SilenceSchedule)
	return &Detector{model: m, scorer: newScorer(m), segmenter: newSegmenter(o), speech: newDecision(o)}, nil
}

// Write takes the next samples, any number of them, and returns the events that they bring. The events are valid until the
// next call.
//
// Samples are mono at 16 kHz, in [-1, 1]. One that is no number, or far out of range, is a *SampleError; nothing of
// that call is taken then.
//
// A start comes about 200 ms after the speech does, since the window must fill first. An end comes when the
// silence has lasted.
func (d *Detector) Write(samples []float32) ([]Event, error) {
	if err := d.check(samples); err != nil {
		return nil, err
	}
	d.events = d.events[:0]
	ws := d.model.workspace()
	defer d.model.workspaces.Put(ws)
	for len(samples) > 0 && d.err == nil {
		taken, scores := d.scorer.next(samples, ws)
		samples = samples[taken:]
		d.written += int64(taken)
		d.step(scores)
	}
	return d.events, d.err
}

// Flush says that the sound has ended: it ends the segment that is still open and returns the last events. The
// detector is then as new. The events are valid until the next call.
func (d *Detector) Flush() ([]Event, error) {
	d.events = d.events[:0]
	if d.err == nil {
		ws := d.model.workspace()
		defer d.model.workspaces.Put(ws)
		d.step(d.scorer.last(ws))
	}
	err := d.err
	if event, happened := d.segmenter.flush(); happened && err == nil {
		d.events = append(d.events, event)
	}
	d.Reset()
	return d.events, err
}

// Reset forgets the stream, for another one to begin.
func (d *Detector) Reset() {
	d.scorer.reset()
	d.segmenter.reset()
	d.written, d.err = 0, nil
}

// Earliest returns the time before which no later event's segment begins: sound from before it is no longer needed.
func (d *Detector) Earliest() int64 { return d.segmenter.earliest() * frameTime }

// step hands frames to the state machine.
func (d *Detector) step(scores []score) {
	for _, s := range scores {
		if s.silence != s.silence {
			at := d.segmenter.frames * frameTime
			d.err = fmt.Errorf("voice detection: the network answers NaN at %d ms: are its weights those of another model?", at)
			return
		}
		if event, happened := d.segmenter.step(d.speech.of(s)); happened {
			d.events = append(d.events, event)
		}
	}
}

// largestSample is far beyond full scale, even if somebody forgot to divide 16-bit samples by 32768, and far below
// where the energy of a frame overflows.
const largestSample = 1 << 16

func (d *Detector) check(samples []float32) error {
	for i, x := range samples {
		if !(x >= -largestSample && x <= largestSample) {
			return &SampleError{Position: d.written + int64(i), Value: x}
		}
	}
	return nil
}

// decision tells speech from silence for single frames.
type decision struct {
	margin float64 // SpeechNoiseThres
	energy float64 // DecibelThres as a sum of squares
}

// energyFloor keeps the logarithm finite in FunASR's formula: 10 log10(sum of squares + energyFloor).
const energyFloor = 1e-6

func newDecision(o Options) decision {
	return decision{o.SpeechNoiseThres, math.Pow(10, o.DecibelThres/10) - energyFloor}
}

func (d decision) of(s score) bool {
	silence := float64(s.silence)
	return float64(s.energy) >= d.energy && 1-silence >= silence+d.margin
}

// Segments finds the segments of a whole recording.
func (m *Model) Segments(samples []float32, o Options) ([]Segment, error) {
	d, err := m.NewDetector(o)
	if err != nil {
		return nil, err
	}
	events, err := d.Write(samples)
	if err != nil {
		return nil, err
	}
	segments := ended(nil, events)
	if events, err = d.Flush(); err != nil {
		return nil, err
	}
	return ended(segments, events), nil
}

// ended appends the segments that have ended.
func ended(segments []Segment, events []Event) []Segment {
	for _, e := range events {
		if e.Ended {
			segments = append(segments, e.Segment)
		}
	}
	return segments
}
