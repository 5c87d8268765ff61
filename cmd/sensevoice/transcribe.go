package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/token"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

type transcribeCommand struct {
	Files     []string `arg:"" name:"file" help:"16 kHz WAV files; - is standard input."`
	Model     string   `short:"m" env:"SENSEVOICE_MODEL" placeholder:"NAME|PATH" help:"Model: a name (see model list), or the path of a model file or folder."`
	Language  string   `short:"l" default:"auto" help:"What is spoken: auto, zh, en, yue, ja, ko or nospeech."`
	ITN       bool     `name:"itn" help:"Write figures and punctuation."`
	BanEmoUnk bool     `name:"ban-emo-unk" help:"Always name an emotion, never EMO_UNKNOWN."`
	Format    string   `short:"f" default:"text" enum:"text,json" help:"Output: text, or json with one object a line."`
	Threads   int      `default:"0" help:"Threads; 0 for all that this process may use."`
	Verbose   bool     `short:"v" help:"Say on standard error what is done."`

	language token.Language
}

// Validate checks what the parser cannot.
func (c *transcribeCommand) Validate() (err error) {
	c.language, err = token.ParseLanguage(c.Language)
	return err
}

// maxSeconds bounds a recording: the whole of it is one segment for now, whose attention grows with the square of its length.
const maxSeconds = 600

// Run transcribes each file. One that fails does not stop the others.
func (c *transcribeCommand) Run(ctx context.Context, p *program) error {
	log := p.logger(c.Verbose)
	recognizer, close, err := c.open(p, log)
	if err != nil {
		return err
	}
	defer close()
	out := bufio.NewWriter(p.out)
	defer out.Flush()
	bar := p.progress(len(c.Files), "transcribing")
	failed := 0
	for i, file := range c.Files {
		err := c.one(ctx, p, recognizer, out, file)
		if ctx.Err() != nil {
			bar.finish()
			return ctx.Err()
		}
		if err != nil {
			failed++
			bar.clear()
			fmt.Fprintf(p.err, "sensevoice: %s: %v\n", name(file), err)
		}
		bar.clear()
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		bar.set(i + 1)
	}
	bar.finish()
	if failed > 0 {
		return silentError{exitFailed}
	}
	return nil
}

// open opens the model and prepares it.
func (c *transcribeCommand) open(p *program, log *slog.Logger) (*transcribe.Recognizer, func(), error) {
	kernels, err := kernel.Select(p.getenv("SENSEVOICE_CPU"))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("SENSEVOICE_CPU: %w", err)}
	}
	engine, err := cpu.New(kernels, c.Threads)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--threads: %w", err)}
	}
	log.Info("engine", "device", "cpu", "instructions", kernels.ISA().String(), "threads", engine.Threads())
	start := time.Now()
	model, err := p.openModel(c.Model)
	if err != nil {
		engine.Close()
		return nil, nil, err
	}
	closeAll := func() {
		engine.Close()
		model.Close()
	}
	recognizer, err := transcribe.NewRecognizer(model, engine)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	log.Info("model", "name", model.Name, "precision", model.Precision(), "load_s", time.Since(start).Seconds())
	return recognizer, closeAll, nil
}

func (c *transcribeCommand) one(ctx context.Context, p *program, r *transcribe.Recognizer, out io.Writer, file string) error {
	start := time.Now()
	samples, err := p.readSamples(ctx, file)
	if err != nil {
		return err
	}
	options := transcribe.Options{Language: c.language, ITN: c.ITN, BanEmotionUnknown: c.BanEmoUnk}
	result, err := r.Samples(ctx, name(file), samples, time.Since(start), options)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return transcript.WriteJSON(out, result)
	}
	return transcript.WriteText(out, result, len(c.Files) > 1)
}

// readSamples reads a whole recording, or gives up when the context ends: a pipe may never say anything.
func (p *program) readSamples(ctx context.Context, file string) ([]float32, error) {
	type answer struct {
		samples []float32
		err     error
	}
	read := make(chan answer, 1)
	go func() {
		samples, err := p.decode(file)
		read <- answer{samples, err}
	}()
	select {
	case a := <-read:
		return a.samples, a.err
	case <-ctx.Done():
		return nil, ctx.Err() // what still reads ends with the process
	}
}

func (p *program) decode(file string) ([]float32, error) {
	if file == "-" {
		return wav.Decode(bufio.NewReader(p.in), maxSeconds*audio.SampleRate)
	}
	f, err := os.Open(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the caller names the file
		}
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("is a folder; name the files in it")
	}
	return wav.Decode(bufio.NewReader(f), maxSeconds*audio.SampleRate)
}

// name is what a file is called in results.
func name(file string) string {
	if file == "-" {
		return "stdin"
	}
	return file
}

// logger logs to standard error: what is done only when verbose, warnings always.
func (p *program) logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
}
