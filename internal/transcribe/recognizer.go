// Package transcribe is the way from sound to text, which the command line and every protocol share.
package transcribe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/ctc"
	"sensevoice/internal/engine"
	"sensevoice/internal/feature"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/token"
	"sensevoice/internal/transcript"
)

// Options are what a caller may choose about the recognition of one recording.
type Options struct {
	Language          token.Language // Auto, or "": the model tells
	ITN               bool           // figures and punctuation instead of words alone
	BanEmotionUnknown bool           // never answer <|EMO_UNKNOWN|>: the likeliest of the other emotions instead
}

// Recognizer turns segments of sound into rows of the model. Any number of goroutines may use it; the engine
// serves one batch after another.
type Recognizer struct {
	model     *modelstore.Model
	network   *sensevoice.Network
	extractor *feature.Extractor
	unknown   []int32 // the piece <|EMO_UNKNOWN|>, if the model has one

	batches sync.Pool // of *batch

	mu     sync.Mutex // guards runner and the network's engine
	runner *sensevoice.Runner
}

// NewRecognizer prepares a model on an engine. The caller closes both when the recognizer is no longer used.
func NewRecognizer(m *modelstore.Model, e engine.Engine) (*Recognizer, error) {
	network, err := sensevoice.New(m.Weights, e)
	if err != nil {
		return nil, err
	}
	if width := feature.SenseVoice.Width(); network.Config.Input != width {
		return nil, fmt.Errorf("%s: the model wants %d features a row; the front end makes %d", m.Weights.Path, network.Config.Input, width)
	}
	r := &Recognizer{
		model: m, network: network, extractor: feature.New(feature.SenseVoice, m.CMVN), runner: network.NewRunner(),
		batches: sync.Pool{New: func() any { return new(batch) }},
	}
	if id, ok := m.Vocabulary.Find("<|EMO_UNKNOWN|>"); ok {
		r.unknown = []int32{id}
	}
	return r, nil
}

// Recognize decodes clips as one batch, and answers a segment for each, in their order, with times from the clip's start.
func (r *Recognizer) Recognize(ctx context.Context, clips []Clip) ([]transcript.Segment, Times, error) {
	b := r.batches.Get().(*batch)
	defer r.batches.Put(b)
	segments := make([]transcript.Segment, len(clips))
	var failed error
	times, err := r.encode(ctx, b, clips, func(out *sensevoice.Output) {
		for i, c := range clips {
			from, to := out.Starts[i], out.Starts[i+1]
			if failed = b.said.Decode(r.model.Vocabulary, out.IDs[from:to], out.LogProbs[from:to]); failed != nil {
				return
			}
			segments[i] = transcript.NewSegment(r.model.Vocabulary, &b.said, 0, milliseconds(len(c.Samples)))
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, times, err
	}
	return segments, times, nil
}

// Prepare computes a clip's features, in the space of dst if that is large enough, and makes a segment for the network of
// them. For schedulers that run batches of their own: see [Recognizer.Network] and [Recognizer.Read].
func (r *Recognizer) Prepare(c Clip, dst []float32) (sensevoice.Segment, error) {
	rows := r.extractor.Rows(len(c.Samples))
	if rows == 0 {
		return sensevoice.Segment{}, fmt.Errorf("%w (%.4g s)", ErrTooShort, float64(len(c.Samples))/audio.SampleRate)
	}
	b := r.batches.Get().(*batch)
	defer r.batches.Put(b)
	size := rows * r.extractor.Width()
	if cap(dst) < size {
		dst = make([]float32, size)
	}
	return r.segment(c, dst[:size], &b.ws), nil
}

// Read makes a segment of what the network said of each row of a clip, query rows first.
func (r *Recognizer) Read(c Clip, ids []int32, logProbs []float32) (transcript.Segment, error) {
	b := r.batches.Get().(*batch)
	defer r.batches.Put(b)
	if err := b.said.Decode(r.model.Vocabulary, ids, logProbs); err != nil {
		return transcript.Segment{}, err
	}
	return transcript.NewSegment(r.model.Vocabulary, &b.said, 0, milliseconds(len(c.Samples))), nil
}

// milliseconds is how long so many samples last, rounded.
func milliseconds(samples int) int { return (samples*1000 + audio.SampleRate/2) / audio.SampleRate }

// Rows returns the feature rows that a clip of so many samples makes.
func (r *Recognizer) Rows(samples int) int { return r.extractor.Rows(samples) }

// Network returns the network that the recognizer runs.
func (r *Recognizer) Network() *sensevoice.Network { return r.network }

// Clip is one stretch of sound: mono samples at [audio.SampleRate].
type Clip struct {
	Samples []float32
	Options Options
}

// Times is how long the stages of a batch took.
type Times struct {
	Feature time.Duration
	Encode  time.Duration // waiting for the engine not included
}

// ErrTooShort says that a clip is shorter than one frame of features.
var ErrTooShort = errors.New("too short to hold speech: less than 25 ms of sound")

// batch is the working memory of one call of Recognize, kept for the next.
type batch struct {
	ws       feature.Workspace
	features []float32 // of all clips
	segments []sensevoice.Segment
	rows     []int
	said     ctc.Sequence
}

// prepare computes the features of all clips.
func (r *Recognizer) prepare(b *batch, clips []Clip) error {
	b.rows, b.segments = b.rows[:0], b.segments[:0]
	total, width := 0, r.extractor.Width()
	for _, c := range clips {
		rows := r.extractor.Rows(len(c.Samples))
		if rows == 0 {
			return fmt.Errorf("%w (%.4g s)", ErrTooShort, float64(len(c.Samples))/audio.SampleRate)
		}
		b.rows = append(b.rows, rows)
		total += rows
	}
	if cap(b.features) < total*width {
		b.features = make([]float32, total*width)
	}
	rest := b.features[:total*width]
	for i, c := range clips {
		size := b.rows[i] * width
		b.segments = append(b.segments, r.segment(c, rest[:size], &b.ws))
		rest = rest[size:]
	}
	return nil
}

// segment computes the features of one clip.
func (r *Recognizer) segment(c Clip, features []float32, ws *feature.Workspace) sensevoice.Segment {
	s := sensevoice.Segment{Features: features, Language: string(c.Options.Language), ITN: c.Options.ITN}
	if s.Language == "" {
		s.Language = string(token.Auto)
	}
	if c.Options.BanEmotionUnknown {
		s.Banned = r.unknown
	}
	r.extractor.Compute(features, c.Samples, ws)
	return s
}

// encode runs clips as one batch and hands the network's answer to use, during which no other batch runs.
func (r *Recognizer) encode(ctx context.Context, b *batch, clips []Clip, use func(*sensevoice.Output)) (Times, error) {
	var times Times
	start := time.Now()
	if err := r.prepare(b, clips); err != nil {
		return times, err
	}
	plan, err := r.network.Plan(b.rows)
	if err != nil {
		return times, err
	}
	times.Feature = time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	start = time.Now()
	out, err := r.runner.Run(ctx, plan, b.segments)
	if err != nil {
		return times, err
	}
	times.Encode = time.Since(start)
	use(out)
	return times, nil
}
