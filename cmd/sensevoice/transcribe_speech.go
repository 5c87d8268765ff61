package main

import (
	"time"

	"sensevoice/internal/transcribe"
	"sensevoice/internal/vad"
)

// speechFlags are the settings of the detection of speech, under FunASR's names.
type speechFlags struct {
	MergeLengthS           *float64 `placeholder:"SECONDS" group:"Segments:" help:"Join neighbouring segments up to this length (15; with --live 0)."`
	BatchSizeS             *float64 `placeholder:"SECONDS" group:"Segments:" help:"Sound to recognise in one batch (60; with --live 0)."`
	MaxSingleSegmentTime   int      `default:"30000" placeholder:"MS" group:"Segments:" help:"Cut longer segments at a quiet point (30000)."`
	MaxEndSilenceTime      int      `default:"800" placeholder:"MS" group:"Segments:" help:"Silence that ends a segment (800)."`
	GrowingSegments        bool     `group:"Segments:" help:"Wait long for the end of a short segment, and less as it grows, instead of max-end-silence-time."`
	SpeechNoiseThres       float64  `default:"0.6" placeholder:"-1..1" group:"Segments:" help:"How much likelier than silence speech must be (0.6)."`
	DecibelThres           float64  `default:"-100" placeholder:"DB" group:"Segments:" help:"Level below which all is silence (-100)."`
	WindowSizeMs           int      `default:"200" placeholder:"MS" group:"Segments:" help:"Window in which speech is counted (200)."`
	SilToSpeechTimeThres   int      `default:"150" placeholder:"MS" group:"Segments:" help:"Speech in the window that begins a segment (150)."`
	SpeechToSilTimeThres   int      `default:"150" placeholder:"MS" group:"Segments:" help:"Speech in the window at which silence begins (150)."`
	LookbackTimeStartPoint int      `default:"200" placeholder:"MS" group:"Segments:" help:"How much earlier a segment begins (200)."`
	LookaheadTimeEndPoint  int      `default:"100" placeholder:"MS" group:"Segments:" help:"How much later a segment ends (100)."`
}

// pipeline makes options of the flags; they are still to be validated.
func (f *speechFlags) pipeline(live bool) transcribe.PipelineOptions {
	o := transcribe.DefaultPipelineOptions()
	if live {
		o = transcribe.LivePipelineOptions()
	}
	o.Detection = vad.Options{
		HoldEnd:                o.Detection.HoldEnd,
		MaxSingleSegmentTime:   f.MaxSingleSegmentTime,
		MaxEndSilenceTime:      f.MaxEndSilenceTime,
		SpeechNoiseThres:       f.SpeechNoiseThres,
		DecibelThres:           f.DecibelThres,
		WindowSize:             f.WindowSizeMs,
		SilToSpeechTimeThres:   f.SilToSpeechTimeThres,
		SpeechToSilTimeThres:   f.SpeechToSilTimeThres,
		LookbackTimeStartPoint: f.LookbackTimeStartPoint,
		LookaheadTimeEndPoint:  f.LookaheadTimeEndPoint,
	}
	if f.GrowingSegments {
		o.Detection.SilenceSchedule = vad.GrowingSegments()
	}
	if limit := time.Duration(f.MaxSingleSegmentTime) * time.Millisecond; o.MergeLength > limit {
		o.MergeLength = limit // the default follows; one that was asked for is refused
	}
	if f.MergeLengthS != nil {
		o.MergeLength = lasting(*f.MergeLengthS)
	}
	if f.BatchSizeS != nil {
		o.BatchLength = lasting(*f.BatchSizeS)
	}
	return o
}

// lasting is a duration of seconds; what is no sensible number becomes a negative one, which no setting may be.
func lasting(seconds float64) time.Duration {
	if !(seconds >= 0 && seconds < 1e9) {
		return -time.Second
	}
	return time.Duration(seconds * float64(time.Second))
}
