package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// outcome is what came of one recording.
type outcome struct {
	results []*transcript.Result // one for each track; also what was finished before an error, if anything
	err     error
	damage  error // what made the sound end early
}

// start lets as many workers as jobs transcribe the recordings. Each outcome comes in its channel. stop waits for the workers.
func (c *transcribeCommand) start(ctx context.Context, p *program, pipeline *transcribe.Pipeline, m *meter, inputs []input) ([]chan outcome, func()) {
	outcomes := make([]chan outcome, len(inputs))
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(c.Jobs, len(inputs)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(inputs); i = int(next.Add(1)) - 1 {
				if ctx.Err() != nil {
					outcomes[i] <- outcome{err: context.Cause(ctx)}
					continue
				}
				outcomes[i] <- c.one(ctx, p, pipeline, m, inputs[i])
			}
		})
	}
	return outcomes, func() {
		cancel(context.Canceled)
		workers.Wait()
	}
}

// one transcribes one recording.
func (c *transcribeCommand) one(ctx context.Context, p *program, pipeline *transcribe.Pipeline, m *meter, in input) outcome {
	start := time.Now()
	sound, err := p.openSound(ctx, in.path, c.sound)
	if err != nil {
		return outcome{err: err}
	}
	load := time.Since(start)
	tracks := sound.Tracks()
	segments := make([][]transcript.Segment, tracks)
	metered := m.source(sound, in)
	summaries, err := pipeline.RunTracks(ctx, metered, tracks, c.options, func(track int, s transcript.Segment) error {
		segments[track] = append(segments[track], s)
		return nil
	})
	metered.finish()
	o := outcome{err: err, damage: sound.Damage()}
	if closing := sound.Close(); err == nil {
		o.err = closing
	}
	for t, summary := range summaries {
		r := summary.Result(in.name, segments[t], load, time.Since(start))
		if c.sound.Channels.String() == "each" {
			r.Channel = t + 1
		}
		o.results = append(o.results, r)
	}
	o.mark()
	return o
}

// mark says in the results that they are not whole, and drops them if they hold nothing.
func (o *outcome) mark() {
	said := false
	for _, r := range o.results {
		last := transcript.Seconds(0)
		if len(r.Segments) > 0 {
			said, last = true, r.Segments[len(r.Segments)-1].End
		}
		switch {
		case errors.Is(o.err, context.Canceled):
			r.Incomplete = fmt.Sprintf("interrupted: the transcript ends at %.3f s", float64(last))
		case o.err != nil:
			r.Incomplete = o.err.Error()
		case o.damage != nil:
			r.Incomplete = o.damage.Error()
		}
	}
	if o.err != nil && !said {
		o.results = nil
	}
}

// report says on standard error what went wrong, and returns it.
func (o *outcome) report(p *program, in input) error {
	switch {
	case errors.Is(o.err, context.Canceled):
		if len(o.results) > 0 {
			fmt.Fprintf(p.err, "sensevoice: %s: %s\n", in.name, o.results[0].Incomplete)
		}
		return nil // the interruption itself is reported once
	case o.err != nil && len(o.results) > 0:
		fmt.Fprintf(p.err, "sensevoice: %s: %v; the transcript ends there\n", in.name, o.err)
		return o.err
	case o.err != nil:
		fmt.Fprintf(p.err, "sensevoice: %s: %v\n", in.name, o.err)
		return o.err
	case o.damage != nil:
		fmt.Fprintf(p.err, "sensevoice: %s: %v\n", in.name, o.damage)
	}
	return o.damage
}
