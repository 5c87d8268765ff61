// Package speech recognises the sound of a connection while it comes: segments as they end, and between them partial results of the
// one that is open, as often as the machine can afford. The WebSocket protocols are made of it.
package speech

import (
	"context"
	"errors"
	"math"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/audio"
	"sensevoice/internal/batch"
	"sensevoice/internal/metrics"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// PartialInterval is the least time between two partial results of a stream.
const PartialInterval = 500 * time.Millisecond

// Memory is what a stream takes of host memory at most, in bytes, with the messages that wait for it: half a minute of samples, twice
// while a segment is cut.
const Memory = 4 << 20

// Stream is the sound of one connection. It takes memory, and a place in the queue, with its first sample, and what it takes does
// not grow with the sound. Not for use by several goroutines at once.
//
// Its clock is the sound itself: times count samples since the beginning or the latest Restart.
type Stream struct {
	backend *api.Backend
	request *api.Request
	pacer   *Pacer
	options transcribe.PipelineOptions

	pipeline *transcribe.Pipeline // nil before the first sample
	live     *transcribe.Live     // nil before a sample
	booked   api.Account          // of live's work, up to the latest call
	unsaid   api.Account          // since the latest result
	gathered []float32            // was written, and not heard yet
	before   transcript.Seconds   // what earlier Lives have heard
	partial  time.Time            // of the latest
}

// NewStream makes a stream of a request. The pacer is shared by all streams of an engine.
func NewStream(b *api.Backend, r *api.Request, pacer *Pacer) *Stream {
	return &Stream{backend: b, request: r, pacer: pacer, options: transcribe.LivePipelineOptions()}
}

// Close gives back what the stream has taken.
func (s *Stream) Close() {
	s.Clear()
	if s.pipeline != nil {
		s.pipeline = nil
		s.backend.Work.Release(Memory)
	}
}

var errNoMemory = errors.New("the server has no memory for streams; raise SENSEVOICE_MAX_MEMORY")

// begin takes what the first sample needs.
func (s *Stream) begin(ctx context.Context) error {
	if s.pipeline == nil {
		if s.backend.Work.Size() < Memory {
			return errNoMemory
		}
		if err := s.backend.Work.Acquire(ctx, Memory); err != nil {
			return err
		}
		place := s.backend.Queue.Request(batch.Ticket{ID: s.request.ID, Key: s.request.Caller, Admitted: true})
		s.pipeline = transcribe.NewPipeline(place, s.backend.VAD)
	}
	if s.live == nil {
		var err error
		s.booked = api.Account{}
		s.live, err = s.pipeline.NewLive(s.options)
		return err
	}
	return nil
}

// Voice detection is dear in small pieces: sound is gathered until there is so much of it, in samples.
const (
	leastPiece = audio.SampleRate * 60 / 1000  // always
	idlePiece  = audio.SampleRate * 160 / 1000 // while nobody speaks, so nobody waits: the network's 16 rows at once, which take no longer than 6
	behindBy   = audio.SampleRate / 2          // while more is waiting: who is behind catches up by larger steps
)

// Write takes samples and returns the segments that have ended. More tells that sound is waiting already that will be written next.
// After an error the sound of the open segment is lost; the stream goes on with what comes next.
func (s *Stream) Write(ctx context.Context, samples []float32, more bool) ([]transcript.Segment, error) {
	s.gathered = append(s.gathered, samples...)
	if n := len(s.gathered); n < leastPiece || n < idlePiece && !s.Open() || more && n < behindBy {
		return nil, nil
	}
	return s.hear(ctx)
}

// hear recognises what was gathered.
func (s *Stream) hear(ctx context.Context) ([]transcript.Segment, error) {
	samples := s.gathered
	s.gathered = s.gathered[:0]
	if len(samples) == 0 {
		return nil, nil
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	sound := time.Duration(len(samples)) * time.Second / audio.SampleRate
	s.backend.Metrics.Sound(sound)
	heard, start := s.live.Written(), time.Now()
	segments, err := s.live.Write(ctx, samples)
	s.place(segments)
	s.book(sound, time.Since(start), len(segments) > 0)
	if err != nil {
		s.before += transcript.Seconds(heard.Seconds()) + duration(len(samples))
		s.live = nil
	}
	return segments, err
}

// book accounts for a call of live. The metrics hear of it with the next result.
func (s *Stream) book(sound, took time.Duration, result bool) {
	detect, times := s.live.Spent()
	encode := times.Feature + times.Encode
	work := api.Account{Sound: sound, Detect: detect - s.booked.Detect, Encode: encode - s.booked.Encode}
	if work.Encode > 0 { // else nothing was waited for
		work.Queue = max(0, took-work.Detect-work.Encode)
	}
	s.booked.Detect, s.booked.Encode = detect, encode
	s.request.Add(work)
	s.unsaid = s.unsaid.Plus(work)
	if result {
		s.backend.Metrics.Live(s.unsaid.Sound, metrics.Stages{Queue: s.unsaid.Queue, VAD: s.unsaid.Detect, Encode: s.unsaid.Encode})
		s.unsaid = api.Account{}
	}
}

// Flush ends the open segment where the sound has come to, and returns it.
func (s *Stream) Flush(ctx context.Context) ([]transcript.Segment, error) {
	segments, err := s.hear(ctx)
	if s.live == nil || err != nil {
		return segments, err
	}
	start := time.Now()
	last, err := s.live.Flush(ctx)
	s.place(last)
	s.book(0, time.Since(start), len(last) > 0)
	segments = append(segments, last...)
	if err != nil {
		s.Clear()
	}
	return segments, err
}

// Configure sets the options for the sound that follows. Flush first, or the open segment is lost.
func (s *Stream) Configure(o transcribe.PipelineOptions) error {
	if err := o.Validate(); err != nil {
		return err
	}
	s.Clear()
	s.options = o
	return nil
}

// Clear forgets the open segment. The clock goes on.
func (s *Stream) Clear() {
	s.before += duration(len(s.gathered))
	s.gathered = nil
	if s.live != nil {
		s.before += transcript.Seconds(s.live.Written().Seconds())
		s.live = nil
	}
}

// Restart is Clear, with the clock at 0.
func (s *Stream) Restart() { s.live, s.gathered, s.before = nil, nil, 0 }

func duration(samples int) transcript.Seconds {
	return transcript.Seconds(float64(samples) / audio.SampleRate)
}

// Open tells whether somebody is speaking.
func (s *Stream) Open() bool {
	_, open := s.Opened()
	return open
}

// Opened returns since when somebody is speaking, if so.
func (s *Stream) Opened() (since transcript.Seconds, open bool) {
	if s.live == nil {
		return 0, false
	}
	start, open := s.live.Open()
	return s.before + start, open
}

// Heard is the time on the clock.
func (s *Stream) Heard() transcript.Seconds {
	heard := s.before + duration(len(s.gathered))
	if s.live != nil {
		heard += transcript.Seconds(s.live.Written().Seconds())
	}
	return heard
}

// Partial recognises the open segment as far as it has come. It returns nil if there is none, if the latest partial result was
// less than [PartialInterval] ago, or if the machine has better things to do.
func (s *Stream) Partial(ctx context.Context) (*transcript.Segment, error) {
	now := time.Now()
	if now.Sub(s.partial) < PartialInterval || !s.Open() || !s.pacer.start(now) {
		return nil, nil
	}
	s.partial = now
	segment, err := s.live.Partial(ctx)
	s.pacer.done(now, time.Now())
	if segment == nil || err != nil {
		return nil, err
	}
	one := []transcript.Segment{*segment}
	s.place(one)
	return &one[0], nil
}

// place moves the times of segments from the Live's clock to the stream's.
func (s *Stream) place(segments []transcript.Segment) {
	if s.before == 0 {
		return
	}
	for i := range segments {
		segments[i].Shift(s.before)
	}
}

// Confidence is the geometric mean of the probabilities of a segment's tokens, 0 where there are none.
func Confidence(s *transcript.Segment) float64 {
	if len(s.Tokens) == 0 {
		return 0
	}
	sum := 0.0
	for _, t := range s.Tokens {
		sum += float64(t.LogProb)
	}
	return math.Exp(sum / float64(len(s.Tokens)))
}
