package transcribe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcript"
)

// Run transcribes a whole source, in memory that does not grow with it but for the list of what was skipped. emit gets each
// segment in order, soon after its end. An error of emit, of the source or of the decoder ends the run, and is returned with the
// summary of what was done before.
func (p *Pipeline) Run(ctx context.Context, src Source, o PipelineOptions, emit func(transcript.Segment) error) (*Summary, error) {
	summaries, err := p.RunTracks(ctx, src, 1, o, func(_ int, s transcript.Segment) error { return emit(s) })
	return summaries[0], err
}

// RunTracks is Run for a source of several tracks, whose samples are interleaved: each is transcribed for itself, along with the others.
func (p *Pipeline) RunTracks(
	ctx context.Context, src Source, tracks int, o PipelineOptions, emit func(track int, s transcript.Segment) error,
) ([]*Summary, error) {
	r := run{pipeline: p, options: o, emit: emit}
	for range tracks {
		r.summaries = append(r.summaries, &Summary{})
	}
	err := r.all(ctx, src)
	return r.summaries, err
}

// run is one call of RunTracks.
type run struct {
	pipeline  *Pipeline
	options   PipelineOptions
	emit      func(track int, s transcript.Segment) error
	lives     []*Live
	summaries []*Summary
}

func (r *run) all(ctx context.Context, src Source) error {
	for range r.summaries {
		live, err := r.pipeline.NewLive(r.options)
		if err != nil {
			return err
		}
		r.lives = append(r.lives, live)
	}
	mono, chunk := make([]float32, audio.SampleRate/4), make([]float32, audio.SampleRate/4*len(r.lives))
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		start := time.Now()
		n, err := src.Read(chunk)
		for _, s := range r.summaries {
			s.Load += time.Since(start)
		}
		for t := range r.lives {
			samples := track(mono, chunk[:n], t, len(r.lives))
			if err := r.took(t, func(l *Live) ([]transcript.Segment, error) { return l.Write(ctx, samples) }); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return r.end(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (r *run) end(ctx context.Context) error {
	if l := r.lives[0]; l.cutter.Written() < minSamples {
		return fmt.Errorf("%w (%.4g s)", ErrTooShort, l.Written().Seconds())
	}
	for t := range r.lives {
		if err := r.took(t, func(l *Live) ([]transcript.Segment, error) { return l.Flush(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// took notes what a call of a track's Live brought, and hands its segments on: also those from before an error.
func (r *run) took(track int, call func(*Live) ([]transcript.Segment, error)) error {
	l, s := r.lives[track], r.summaries[track]
	segments, err := call(l)
	s.Duration, s.Detect, s.Times = l.Written(), l.detect, l.times
	s.Skipped = append(s.Skipped, l.skipped...)
	for _, segment := range segments {
		if err := r.emit(track, segment); err != nil {
			return err
		}
	}
	return err
}

// track copies one track of interleaved samples to dst.
func track(dst, samples []float32, track, tracks int) []float32 {
	dst = dst[:len(samples)/tracks]
	for i := range dst {
		dst[i] = samples[i*tracks+track]
	}
	return dst
}

// Transcribe transcribes a whole source into one result. load is the time that opening it took, for the account.
func (p *Pipeline) Transcribe(ctx context.Context, file string, src Source, o PipelineOptions, load time.Duration) (*transcript.Result, error) {
	start := time.Now()
	var segments []transcript.Segment
	summary, err := p.Run(ctx, src, o, func(s transcript.Segment) error {
		segments = append(segments, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return summary.Result(file, segments, load, load+time.Since(start)), nil
}
