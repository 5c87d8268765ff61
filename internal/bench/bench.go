package bench

import (
	"context"
	"slices"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/transcribe"
)

// Options say what to measure.
type Options struct {
	Store   *modelstore.Store
	Model   string
	Samples []float32 // the clip to decode
	Batch   int       // copies of it that are decoded together
	Threads int       // 0 for all that the process may use
	Runs    int       // timed runs, after one that is not
	Kernels *kernel.Set
}

// Report is what a benchmark measured. Times are in seconds and are those of a whole decode, features to text.
type Report struct {
	Engine    string    `json:"engine"`
	Model     string    `json:"model"`
	Precision string    `json:"precision"`
	ISA       string    `json:"isa"`
	Threads   int       `json:"threads"`
	Batch     int       `json:"batch"`
	AudioS    float64   `json:"audio_s"` // of all copies
	MedianS   float64   `json:"median_s"`
	MinS      float64   `json:"min_s"`
	RunsS     []float64 `json:"runs_s"`
	FeatureS  float64   `json:"feature_s"` // of it, in the median run
	LoadS     float64   `json:"load_s"`    // opening and preparing the model

	RTF     float64 `json:"rtf"`         // seconds of computing per second of audio
	Speed   float64 `json:"x_real_time"` // the inverse
	GFLOPS  float64 `json:"gflops"`
	Peak    float64 `json:"peak_gflops"` // of the multiply-adds of as many threads, measured before the runs
	Share   float64 `json:"peak_share"`
	RSSMB   float64 `json:"peak_rss_mb"`
	ArenaMB float64 `json:"arena_mb"` // planned for the batch, and held

	Operations []Operation `json:"operations"`
}

// Operation is the part of one kind of operation in an average run.
type Operation struct {
	Name  string  `json:"name"`
	S     float64 `json:"s"`
	Share float64 `json:"share"`
}

// Run measures. Progress, if not nil, is told after each run.
func Run(ctx context.Context, o Options, progress func(run int)) (*Report, error) {
	start := time.Now()
	model, err := o.Store.Open(o.Model)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	e, err := cpu.New(o.Kernels, o.Threads)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	recognizer, err := transcribe.NewRecognizer(model, e)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Engine: "sensevoice", Model: model.Name, Precision: model.Precision(), ISA: o.Kernels.ISA().String(), Threads: e.Threads(), Batch: o.Batch,
		AudioS: float64(o.Batch*len(o.Samples)) / audio.SampleRate, LoadS: time.Since(start).Seconds(),
		Peak: Peak(o.Kernels, e.Threads()) / 1e9,
	}
	clips := slices.Repeat([]transcribe.Clip{{Samples: o.Samples}}, o.Batch)
	if err := r.measure(ctx, recognizer, e, clips, o.Runs, progress); err != nil {
		return nil, err
	}
	r.derive(recognizer, clips)
	r.ArenaMB = float64(e.Reserved()) / (1 << 20)
	r.RSSMB = float64(PeakRSS()) / (1 << 20)
	return r, nil
}

// measure times the runs. The first one, which makes buffers and touches the model's pages, does not count.
func (r *Report) measure(ctx context.Context, recognizer *transcribe.Recognizer, e *cpu.Engine, clips []transcribe.Clip, runs int, progress func(int)) error {
	var features []float64
	for run := -1; run < runs; run++ {
		if run == 0 {
			clear(e.Times())
		}
		start := time.Now()
		_, times, err := recognizer.Recognize(ctx, clips)
		if err != nil {
			return err
		}
		if run < 0 {
			continue
		}
		r.RunsS = append(r.RunsS, time.Since(start).Seconds())
		features = append(features, times.Feature.Seconds())
		if progress != nil {
			progress(run + 1)
		}
	}
	r.MedianS, r.MinS, r.FeatureS = median(r.RunsS), slices.Min(r.RunsS), median(features)
	for name, t := range e.Times() {
		s := t.Seconds() / float64(runs)
		r.Operations = append(r.Operations, Operation{name, s, s / mean(r.RunsS)})
	}
	slices.SortFunc(r.Operations, func(a, b Operation) int {
		if a.S > b.S {
			return -1
		}
		return 1
	})
	return nil
}

func (r *Report) derive(recognizer *transcribe.Recognizer, clips []transcribe.Clip) {
	rows := make([]int, len(clips))
	for i, c := range clips {
		rows[i] = recognizer.Rows(len(c.Samples))
	}
	r.RTF, r.Speed = r.MedianS/r.AudioS, r.AudioS/r.MedianS
	r.GFLOPS = recognizer.Network().Config.FLOPs(rows) / r.MedianS / 1e9
	r.Share = r.GFLOPS / r.Peak
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func mean(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total / float64(len(values))
}
