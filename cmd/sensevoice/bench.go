package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/bench"
	"sensevoice/internal/kernel"
)

type benchCommand struct {
	Model     string  `default:"synthetic:small" help:"Model to measure: a name or path."`
	Precision string  `default:"f32" enum:"f32" help:"Precision of the arithmetic (f32)."`
	Seconds   float64 `default:"10" help:"Length of the clip."`
	Clip      string  `type:"existingfile" help:"Take the sound from this recording instead of making some."`
	Threads   int     `default:"0" help:"Threads; 0 for all that this process may use."`
	Batch     int     `default:"1" help:"Copies of the clip to decode together."`
	Runs      int     `default:"7" help:"Timed runs, after one that does not count."`
	JSON      bool    `name:"json" help:"Print one JSON object."`
}

const (
	maxBenchSeconds = 600
	maxBenchBatch   = 1024
	maxBenchRuns    = 10000
)

func (c *benchCommand) Validate() error {
	switch {
	case !(c.Seconds >= 0.1 && c.Seconds <= maxBenchSeconds):
		return fmt.Errorf("--seconds=%v: must be from 0.1 to %d", c.Seconds, maxBenchSeconds)
	case c.Batch < 1 || c.Batch > maxBenchBatch:
		return fmt.Errorf("--batch=%d: must be from 1 to %d", c.Batch, maxBenchBatch)
	case c.Runs < 1 || c.Runs > maxBenchRuns:
		return fmt.Errorf("--runs=%d: must be from 1 to %d", c.Runs, maxBenchRuns)
	}
	return nil
}

// Run measures and prints.
func (c *benchCommand) Run(ctx context.Context, p *program) error {
	kernels, err := kernel.Select(p.getenv("SENSEVOICE_CPU"))
	if err != nil {
		return usageError{fmt.Errorf("SENSEVOICE_CPU: %w", err)}
	}
	samples, err := c.sound(ctx, p)
	if err != nil {
		return err
	}
	store, err := p.store()
	if err != nil {
		return err
	}
	options := bench.Options{Store: store, Model: c.Model, Samples: samples, Batch: c.Batch, Threads: c.Threads, Runs: c.Runs, Kernels: kernels}
	bar := p.progress(c.Runs, "measuring")
	report, err := bench.Run(ctx, options, func(run int) { bar.set(run) })
	bar.finish()
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(p.out).Encode(report)
	}
	return printReport(p.out, report)
}

// sound returns the clip: made, or the beginning of a file.
func (c *benchCommand) sound(ctx context.Context, p *program) ([]float32, error) {
	if c.Clip == "" {
		return bench.Clip(c.Seconds), nil
	}
	samples, err := p.readSamples(ctx, c.Clip, int(c.Seconds*audio.SampleRate))
	if err != nil {
		return nil, err
	}
	return samples, nil
}

func printReport(w io.Writer, r *bench.Report) error {
	_, err := fmt.Fprintf(w, `%s, %s, %s, %d threads: %.4g s of audio%s

decode     median %.4f s, best %.4f s of %d runs
speed      %.1f × real time (RTF %.4f)
arithmetic %.1f GFLOP/s, %.0f %% of the measured multiply-add peak (%.1f GFLOP/s)
memory     %.0f MB resident at most, arena %.1f MB
load       %.3f s

`, r.Model, r.Precision, r.ISA, r.Threads, r.AudioS, batchText(r.Batch), r.MedianS, r.MinS, len(r.RunsS),
		r.Speed, r.RTF, r.GFLOPS, 100*r.Share, r.Peak, r.RSSMB, r.ArenaMB, r.LoadS)
	for _, op := range r.Operations {
		fmt.Fprintf(w, "%-18s %9.2f ms %5.1f %%\n", op.Name, 1000*op.S, 100*op.Share)
	}
	fmt.Fprintf(w, "%-18s %9.2f ms %5.1f %%\n", "features", 1000*r.FeatureS, 100*r.FeatureS/r.MedianS)
	return err
}

func batchText(batch int) string {
	if batch == 1 {
		return ""
	}
	return fmt.Sprintf(" in a batch of %d", batch)
}
