package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/screen"
)

type gpuWatchCommand struct {
	Interval time.Duration `default:"1s" help:"Time between looks."`
	Count    int           `default:"0" help:"End after so many looks; 0 for none. Into a pipe only."`
}

func (c *gpuWatchCommand) Validate() error {
	switch {
	case c.Interval < 100*time.Millisecond || c.Interval > time.Hour:
		return fmt.Errorf("--interval=%v: must be from 100ms to 1h", c.Interval)
	case c.Count < 0:
		return fmt.Errorf("--count=%d: must be 0 or more", c.Count)
	}
	return nil
}

// Run follows the GPUs: on a terminal as a picture that changes, into a pipe as lines.
func (c *gpuWatchCommand) Run(ctx context.Context, p *program) error {
	l, err := p.language()
	if err != nil {
		return err
	}
	s, err := p.gpuSettings("")
	if err != nil {
		return err
	}
	watcher := gpu.NewWatcher(s.Helper)
	defer watcher.Close()
	if out, ok := p.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		return screen.NewLive(l, s, c.Interval, func() *gpu.Snapshot { return watcher.Look(ctx) }).Run(ctx, p.in, p.out)
	}
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for i := 1; ; i++ {
		seen := watcher.Look(ctx)
		if err := screen.Line(p.out, l, seen, s); err != nil {
			return err
		}
		if i == c.Count {
			if seen.Blocking() != nil {
				return silentError{exitFailed}
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
