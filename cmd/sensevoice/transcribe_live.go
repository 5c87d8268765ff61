package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// live prints the segments of a stream, each as soon as it ends. When it is interrupted, the segment that is open is
// finished with what there is of it.
func (c *transcribeCommand) live(ctx context.Context, p *program, pipeline *transcribe.Pipeline, in input) (err error) {
	sound, err := p.openSound(ctx, in.path, c.sound)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w", in.name, err)
	}
	defer func() { err = errors.Join(err, sound.Close()) }()
	stream, err := pipeline.NewLive(c.options)
	if err != nil {
		return err
	}
	work := context.WithoutCancel(ctx) // what has been heard is still recognised
	chunk := make([]float32, audio.SampleRate/10)
	for {
		n, failed := sound.Read(chunk)
		segments, err := stream.Write(work, chunk[:n])
		if err == nil && failed != nil {
			var last []transcript.Segment
			last, err = stream.Flush(work)
			segments = append(segments, last...)
		}
		if err := errors.Join(c.print(p.out, segments), err); err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case failed == io.EOF && sound.Damage() != nil:
			return fmt.Errorf("%s: %w", in.name, sound.Damage())
		case failed == io.EOF:
			return nil
		case failed != nil:
			return fmt.Errorf("%s: %w", in.name, failed)
		}
	}
}

// print prints segments: the text of each, or one JSON object, a line.
func (c *transcribeCommand) print(out io.Writer, segments []transcript.Segment) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // tags stay legible
	for i := range segments {
		if c.Format == "json" {
			if err := encoder.Encode(&segments[i]); err != nil {
				return err
			}
			continue
		}
		if err := transcript.WriteText(out, &transcript.Result{Text: segments[i].Text}, false); err != nil {
			return err
		}
	}
	return nil
}
