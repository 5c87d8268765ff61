package transcribe

import (
	"context"
	"errors"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/segment"
	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

// Live transcribes one stream that arrives piece by piece. Its memory does not grow with the stream. Not for use by several
// goroutines at once. After an error it is of no more use.
type Live struct {
	pipeline *Pipeline
	options  PipelineOptions
	detector *vad.Detector // nil with VADOff
	cutter   *segment.Cutter

	batch   []segment.Piece
	clips   []Clip
	length  int64 // samples in the batch
	covered int64 // end of the latest piece
	origin  int64 // where the detector began to count
	seam    seam

	skipped []transcript.Skipped // by the latest call
	detect  time.Duration
	times   Times
}

const (
	overlap    = 1 * audio.SampleRate // samples beyond a cut that are recognised on both sides
	gap        = 1 * audio.SampleRate // the longest pause inside of merged segments
	takeAtOnce = audio.SampleRate / 2 // samples of one step, so that a long Write takes no more memory than many short ones
)

// NewLive begins a stream.
func (p *Pipeline) NewLive(o PipelineOptions) (*Live, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	limit := samplesOf(time.Duration(o.Detection.MaxSingleSegmentTime) * time.Millisecond)
	l := &Live{pipeline: p, options: o, cutter: segment.NewCutter(segment.Options{
		Max: limit, Overlap: overlap, Search: limit / 3, Merge: samplesOf(o.MergeLength), Gap: gap,
	})}
	if o.VAD == VADOff {
		return l, nil
	}
	if p.vad == nil {
		return nil, errors.New("voice detection is on, and there is no model for it")
	}
	o.Detection.MaxSingleSegmentTime = int((24 * time.Hour).Milliseconds()) // cutting is the cutter's work
	var err error
	l.detector, err = p.vad.NewDetector(o.Detection)
	return l, err
}

func samplesOf(d time.Duration) int64 { return int64(d) * audio.SampleRate / int64(time.Second) }

func seconds(samples int64) transcript.Seconds {
	return transcript.Seconds(float64(samples) / audio.SampleRate)
}

// Write takes the next samples, any number of them, and returns the segments that are complete, with times from the
// beginning of the stream. Bad samples are a *vad.SampleError.
func (l *Live) Write(ctx context.Context, samples []float32) ([]transcript.Segment, error) {
	l.skipped = l.skipped[:0]
	var segments []transcript.Segment
	for len(samples) > 0 {
		n := min(len(samples), takeAtOnce)
		if err := l.hear(samples[:n]); err != nil {
			return segments, err
		}
		samples = samples[n:]
		more, err := l.recognize(ctx, false)
		segments = append(segments, more...)
		if err != nil {
			return segments, err
		}
	}
	return segments, nil
}

// Flush says that the stream has ended, or pauses, and returns the segments that were not complete. Times go on counting if
// more is written.
func (l *Live) Flush(ctx context.Context) ([]transcript.Segment, error) {
	l.skipped = l.skipped[:0]
	if l.detector != nil {
		events, err := l.detector.Flush()
		if err != nil {
			return nil, err
		}
		l.follow(events)
		l.origin = l.cutter.Written()
	}
	l.cutter.Flush()
	segments, err := l.recognize(ctx, true)
	if err == nil {
		l.skip(l.covered, l.cutter.Written(), transcript.SkippedSilence)
		l.covered = l.cutter.Written()
	}
	return segments, err
}

// Partial recognises the segment that is still open, as far as it has come; nil if there is none.
func (l *Live) Partial(ctx context.Context) (*transcript.Segment, error) {
	piece, sound, ok := l.cutter.Open()
	if !ok || len(sound) < minSamples {
		return nil, nil
	}
	segments, _, err := l.pipeline.decoder.Recognize(ctx, []Clip{{Samples: sound, Options: l.options.Options}})
	if err != nil {
		return nil, err
	}
	before := l.seam
	s := l.place(piece, segments[0], &before)
	return &s, nil
}

// Open returns when the segment that is still open began, if there is one.
func (l *Live) Open() (start transcript.Seconds, open bool) {
	piece, _, open := l.cutter.Open()
	return seconds(piece.Start), open
}

// Written returns the length of the stream so far.
func (l *Live) Written() time.Duration {
	return time.Duration(l.cutter.Written()) * time.Second / audio.SampleRate
}

// Spent returns what finding speech and recognising it have taken so far.
func (l *Live) Spent() (detect time.Duration, recognition Times) { return l.detect, l.times }

// Skipped returns the ranges without text that the latest Write or Flush has passed. It is valid until the next.
func (l *Live) Skipped() []transcript.Skipped { return l.skipped }
