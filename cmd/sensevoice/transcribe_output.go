package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sensevoice/internal/transcript"
)

// output is where results go: to standard output, or each to a file of its own.
type output struct {
	command *transcribeCommand
	out     *bufio.Writer
	named   bool // whether lines of text say which recording they are of
}

// check refuses inputs whose transcripts would overwrite each other or run into each other.
func (o *output) check(inputs []input) error {
	if o.command.OutputDir == "" {
		if (o.named || o.command.Channel == "each") && o.command.Format != "text" && o.command.Format != "json" {
			return fmt.Errorf("--format %s %s", o.command.Format, subtitlesOfMany)
		}
		return nil
	}
	taken := map[string]string{}
	for _, in := range inputs {
		if other, ok := taken[in.out]; ok {
			return fmt.Errorf("%s and %s would both be written to %s: transcribe them into different folders",
				other, in.name, filepath.Join(o.command.OutputDir, in.out+o.extension()))
		}
		taken[in.out] = in.name
	}
	return nil
}

func (o *output) extension() string {
	if o.command.Format == "text" {
		return ".txt"
	}
	return "." + o.command.Format
}

// deliver writes the results of one recording. What an interruption left unfinished goes to a file whose name says so.
func (o *output) deliver(in input, result *outcome) error {
	for _, r := range result.results {
		if o.command.OutputDir == "" {
			if err := o.command.write(o.out, r, o.named); err != nil {
				return err
			}
			continue
		}
		name := in.out
		if r.Channel > 0 {
			name += fmt.Sprintf(".%d", r.Channel)
		}
		if errors.Is(result.err, context.Canceled) {
			name += ".partial"
		}
		if err := o.toFile(filepath.Join(o.command.OutputDir, name+o.extension()), r); err != nil {
			return err
		}
	}
	return nil
}

// toFile writes a result to a file that appears only when it is whole.
func (o *output) toFile(path string, r *transcript.Result) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	err = errors.Join(o.command.write(out, r, false), out.Flush(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}
