package main

import (
	"context"
	"fmt"
	"path"

	"github.com/schollz/progressbar/v3"

	"sensevoice/internal/modelstore"
)

type modelPullCommand struct {
	Model string `arg:"" optional:"" default:"sensevoice-small" help:"sensevoice-small, sensevoice-small-q8, fsmn-vad, or the URL of a model file."`
	Name  string `help:"For a URL: the name to keep the model under."`
	From  string `default:"huggingface" enum:"huggingface,modelscope" help:"Where to get a known model: huggingface (or the mirror in HF_ENDPOINT) or modelscope."`
}

// Run pulls with a progress bar on a terminal, and a line a file elsewhere.
func (c *modelPullCommand) Run(ctx context.Context, p *program) error {
	store, err := p.store()
	if err != nil {
		return err
	}
	shown := &transfer{p: p}
	manifest, err := store.Pull(ctx, modelstore.PullOptions{
		Model: c.Model, Name: c.Name, From: modelstore.Hub(c.From), UserAgent: "sensevoice/" + version, Progress: shown.show,
	})
	shown.finish()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: %.1f MB in %s\n", manifest.Name, float64(manifest.Size())/1e6, path.Join(store.Dir(), manifest.Name))
	for _, f := range manifest.Files {
		if f.Trust == modelstore.FirstUse {
			fmt.Fprintf(p.err, "sensevoice: %s: no released checksum is known; recorded what came: sha256 %s\n", f.Name, f.SHA256)
		}
	}
	return nil
}

// transfer shows how files come: a bar with speed and time left on a terminal.
type transfer struct {
	p    *program
	file string
	bar  *progressbar.ProgressBar
}

func (t *transfer) show(s modelstore.Progress) {
	if s.Message != "" {
		t.finish()
		fmt.Fprintln(t.p.err, "sensevoice:", s.Message)
		return
	}
	what := fmt.Sprintf("%s %s (%d/%d)", s.Action, s.File, s.Index, s.Files)
	if what != t.file {
		t.finish()
		t.file = what
		t.start(what, s.Total)
	}
	if t.bar != nil {
		_ = t.bar.Set64(s.Done) // a bar that cannot be drawn is no reason to stop
	}
}

func (t *transfer) start(what string, total int64) {
	if !terminal(t.p.err) {
		fmt.Fprintln(t.p.err, what)
		return
	}
	t.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(t.p.err), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(t.p.err) }))
}

// finish ends the line of a bar.
func (t *transfer) finish() {
	if t.bar != nil && !t.bar.IsFinished() {
		_ = t.bar.Exit()
		fmt.Fprintln(t.p.err)
	}
	t.bar, t.file = nil, ""
}
