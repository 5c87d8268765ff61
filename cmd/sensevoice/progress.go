package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar is a progress bar on a terminal, and nothing elsewhere.
type bar struct{ b *progressbar.ProgressBar }

// progress starts a bar of that many steps. One step needs none.
func (p *program) progress(steps int, what string) bar {
	if steps < 2 || !terminal(p.err) {
		return bar{}
	}
	return bar{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(p.err), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))}
}

func (b bar) set(step int) {
	if b.b != nil {
		_ = b.b.Set(step) // a bar that cannot be drawn is no reason to stop
	}
}

func (b bar) finish() {
	if b.b != nil {
		_ = b.b.Finish()
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
