package transcribe

import (
	"context"
	"fmt"
	"time"

	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

// Decoder recognises clips as one batch, and answers a segment for each, in their order, with times from the clip's start.
// A [Recognizer] is one, and so is a request's place in a queue.
type Decoder interface {
	Recognize(ctx context.Context, clips []Clip) ([]transcript.Segment, Times, error)
}

// Source yields mono samples at [audio.SampleRate], and io.EOF at the end.
type Source interface {
	Read(dst []float32) (n int, err error)
}

// Mode says how the segments of a recording are found.
type Mode int

// The modes.
const (
	VADOn  Mode = iota // where somebody speaks
	VADOff             // all of it, in windows
)

// PipelineOptions are what a caller may choose about a whole recording. [DefaultPipelineOptions] has the defaults; lengths of 0 are meant.
type PipelineOptions struct {
	Options

	VAD Mode

	// Detection is how voice is found. Its MaxSingleSegmentTime is the most that a segment lasts with either mode: here a longer
	// one is cut at its quietest point, not where the time is up. At most 30 s.
	Detection vad.Options

	// MergeLength joins neighbouring stretches of speech, and the short pauses between them, to segments of at most that
	// length. 0: none. Default 15 s.
	MergeLength time.Duration

	// BatchLength is how much sound is collected to be recognised in one batch. 0: none, so that every segment comes as soon as
	// it ends. Default 60 s.
	BatchLength time.Duration

	Words bool // segments have their words
}

// LongestSegment is the most that a segment may last. Longer ones cost more memory than they give in accuracy: the model was
// trained on no more.
const LongestSegment = 30 * time.Second

// DefaultPipelineOptions returns the defaults for recordings.
func DefaultPipelineOptions() PipelineOptions {
	return PipelineOptions{Detection: defaultDetection(), MergeLength: 15 * time.Second, BatchLength: time.Minute}
}

// LivePipelineOptions returns the defaults for streams: each segment comes as soon as it ends.
func LivePipelineOptions() PipelineOptions {
	return PipelineOptions{Detection: defaultDetection()}
}

// defaultDetection is FunASR's, but for words that it loses when MaxEndSilenceTime is short.
func defaultDetection() vad.Options {
	o := vad.DefaultOptions()
	o.HoldEnd = true
	return o
}

const (
	shortestLimit  = 4 * time.Second // of a segment: room for the overlap and for a choice of where to cut
	longestBatches = 10 * time.Minute
)

// Validate says which setting is impossible and what it may be.
func (o PipelineOptions) Validate() error {
	limit := time.Duration(o.Detection.MaxSingleSegmentTime) * time.Millisecond
	switch {
	case o.VAD != VADOn && o.VAD != VADOff:
		return fmt.Errorf("no VAD mode %d", o.VAD)
	case limit < shortestLimit || limit > LongestSegment:
		return fmt.Errorf("max_single_segment_time is %d ms: must be %d to %d", o.Detection.MaxSingleSegmentTime,
			shortestLimit.Milliseconds(), LongestSegment.Milliseconds())
	case o.MergeLength < 0 || o.MergeLength > limit:
		return fmt.Errorf("merge_length_s is %v: must be 0 to %v, the most that a segment lasts", o.MergeLength.Seconds(), limit.Seconds())
	case o.BatchLength < 0 || o.BatchLength > longestBatches:
		return fmt.Errorf("batch_size_s is %v: must be 0 to %v", o.BatchLength.Seconds(), longestBatches.Seconds())
	}
	return o.Detection.Validate()
}

// Pipeline turns recordings and streams into segments with text. Any number of goroutines may use it.
type Pipeline struct {
	decoder Decoder
	vad     *vad.Model
}

// NewPipeline makes a pipeline of a decoder and a network for voice detection, which may be nil if VAD is always off.
func NewPipeline(d Decoder, v *vad.Model) *Pipeline { return &Pipeline{decoder: d, vad: v} }
