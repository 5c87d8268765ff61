package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sensevoice/internal/audio/decode"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/token"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

type transcribeCommand struct {
	Files     []string `arg:"" name:"file" help:"Recordings, and folders of them; - is standard input."`
	Model     string   `short:"m" env:"SENSEVOICE_MODEL" placeholder:"NAME|PATH" help:"Model: a name (see model list), or the path of a model file or folder."`
	Language  string   `short:"l" default:"auto" help:"What is spoken: auto, zh, en, yue, ja, ko or nospeech."`
	ITN       bool     `name:"itn" help:"Write figures and punctuation."`
	BanEmoUnk bool     `name:"ban-emo-unk" help:"Always name an emotion, never EMO_UNKNOWN."`

	Format       string `short:"f" default:"text" enum:"text,json,srt,vtt,tsv" help:"Output: text, json with one object a line, srt, vtt or tsv."`
	OutputDir    string `short:"o" type:"path" placeholder:"DIR" help:"Write a file for each recording into this folder."`
	Words        bool   `help:"Words with their times, in JSON."`
	MaxLineWidth int    `default:"42" placeholder:"COLUMNS" help:"Width of subtitles; East Asian characters take two columns (42)."`

	Raw         string        `placeholder:"CODING:RATE[:CHANNELS]" help:"The input is samples without a header, such as s16le:16000."`
	Channel     string        `default:"mix" enum:"mix,left,right,each" help:"What of several channels is heard: mix, left, right, or each for itself."`
	MaxDuration time.Duration `placeholder:"TIME" help:"Refuse recordings that are longer, such as 2h."`

	VAD      string `name:"vad" default:"on" enum:"on,off" help:"on: find speech first. off: all of the recording, in windows."`
	VADModel string `name:"vad-model" placeholder:"NAME|PATH" help:"Network that finds speech (fsmn-vad if it was pulled, else the embedded one)."`
	speechFlags
	Live bool `help:"Print each segment as soon as it ends."`

	Jobs    int  `short:"j" default:"1" help:"Recordings to work on at once."`
	Threads int  `default:"0" help:"Threads; 0 for all that this process may use."`
	Verbose bool `short:"v" help:"Say on standard error what is done."`

	options transcribe.PipelineOptions
	sound   decode.Options
}

const (
	maxJobs          = 64
	narrowest        = 8 // columns
	widest           = 1000
	subtitlesOfMany  = "of several recordings would run into each other: add --output-dir"
	liveNeedsOneFile = "--live takes one recording or stream, and prints text or json"
)

// Validate checks what the parser cannot.
func (c *transcribeCommand) Validate() error {
	language, err := token.ParseLanguage(c.Language)
	if err != nil {
		return err
	}
	switch {
	case c.Jobs < 1 || c.Jobs > maxJobs:
		return fmt.Errorf("--jobs=%d: must be from 1 to %d", c.Jobs, maxJobs)
	case c.MaxLineWidth < narrowest || c.MaxLineWidth > widest:
		return fmt.Errorf("--max-line-width=%d: must be from %d to %d", c.MaxLineWidth, narrowest, widest)
	case c.MaxDuration < 0:
		return fmt.Errorf("--max-duration=%v: must not be negative", c.MaxDuration)
	case c.Live && (len(c.Files) != 1 || c.Format != "text" && c.Format != "json" || c.OutputDir != "" || c.Channel == "each"):
		return errors.New(liveNeedsOneFile)
	}
	c.sound = decode.Options{MaxDuration: c.MaxDuration}
	if c.sound.Channels, err = decode.ParseChannels(c.Channel); err != nil {
		return err
	}
	if c.Raw != "" {
		if c.sound.Raw, err = decode.ParseRaw(c.Raw); err != nil {
			return fmt.Errorf("--raw: %w", err)
		}
	}
	c.options = c.pipeline(c.Live)
	c.options.Options = transcribe.Options{Language: language, ITN: c.ITN, BanEmotionUnknown: c.BanEmoUnk}
	c.options.Words = c.Words
	if c.VAD == "off" {
		c.options.VAD = transcribe.VADOff
	}
	return c.options.Validate()
}

// Run transcribes each recording. One that fails does not stop the others.
func (c *transcribeCommand) Run(ctx context.Context, p *program) error {
	inputs, missing, err := listInputs(c.Files)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(p.out)
	o := &output{command: c, out: out, named: len(inputs)+len(missing) > 1}
	if err := o.check(inputs); err != nil {
		return usageError{err}
	}
	pipeline, close, err := c.open(p, p.logger(c.Verbose))
	if err != nil {
		return err
	}
	defer close()
	if c.Live {
		if len(missing) > 0 {
			return missing[0]
		}
		return c.live(ctx, p, pipeline, inputs[0])
	}
	return c.all(ctx, p, pipeline, o, inputs, missing)
}

// all transcribes recordings, several at once, and delivers what comes of them in their order.
func (c *transcribeCommand) all(ctx context.Context, p *program, pipeline *transcribe.Pipeline, o *output, inputs []input, missing []error) error {
	m := p.newMeter(inputs)
	defer m.finish()
	failed := len(missing)
	for _, err := range missing {
		fmt.Fprintln(p.err, "sensevoice:", err)
	}
	outcomes, stop := c.start(ctx, p, pipeline, m, inputs)
	defer stop()
	for i, in := range inputs {
		result := <-outcomes[i]
		var fault, broken error
		m.pause(func() {
			if fault = result.report(p, in); fault != nil {
				failed++
			}
			if broken = o.deliver(in, &result); broken == nil {
				broken = o.out.Flush()
			}
		})
		if broken != nil {
			return fmt.Errorf("write result: %w", broken)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed > 0:
		return silentError{exitFailed}
	}
	return nil
}

// open opens the models and prepares them.
func (c *transcribeCommand) open(p *program, log *slog.Logger) (pipeline *transcribe.Pipeline, close func(), err error) {
	kernels, err := kernel.Select(p.getenv("SENSEVOICE_CPU"))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("SENSEVOICE_CPU: %w", err)}
	}
	engine, err := cpu.New(kernels, c.Threads)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--threads: %w", err)}
	}
	log.Info("engine", "device", "cpu", "instructions", kernels.ISA().String(), "threads", engine.Threads())
	defer func() {
		if err != nil {
			engine.Close()
		}
	}()
	start := time.Now()
	model, err := p.openModel(c.Model)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, model.Close())
		}
	}()
	recognizer, err := transcribe.NewRecognizer(model, engine)
	if err != nil {
		return nil, nil, err
	}
	log.Info("model", "name", model.Name, "precision", model.Precision(), "load_s", time.Since(start).Seconds())
	voice, err := c.openVAD(p, kernels, model.Name, log)
	if err != nil {
		return nil, nil, err
	}
	return transcribe.NewPipeline(recognizer, voice), func() {
		engine.Close()
		model.Close()
	}, nil
}

// openVAD opens the network that finds speech, if it is wanted. That it is only the embedded one, beside a model that is not, is said.
func (c *transcribeCommand) openVAD(p *program, kernels *kernel.Set, model string, log *slog.Logger) (*vad.Model, error) {
	if c.options.VAD == transcribe.VADOff {
		return nil, nil
	}
	store, err := p.store()
	if err != nil {
		return nil, err
	}
	m, name, err := transcribe.OpenVAD(store, c.VADModel, kernels)
	if err != nil {
		return nil, err
	}
	log.Info("voice detection", "model", name)
	if name == modelstore.EmbeddedName && c.VADModel == "" && model != modelstore.EmbeddedName {
		fmt.Fprintf(p.err, "sensevoice: finding speech with the small embedded network; for the real one: sensevoice model pull %s\n", modelstore.VADName)
	}
	return m, nil
}

// logger logs to standard error: what is done only when verbose, warnings always.
func (p *program) logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
}

// write writes a result in the chosen format.
func (c *transcribeCommand) write(out *bufio.Writer, r *transcript.Result, named bool) error {
	layout := transcript.Layout{MaxLineWidth: c.MaxLineWidth}
	switch c.Format {
	case "json":
		return transcript.WriteJSON(out, r)
	case "srt":
		return transcript.WriteSRT(out, r, layout)
	case "vtt":
		return transcript.WriteVTT(out, r, layout)
	case "tsv":
		return transcript.WriteTSV(out, r)
	}
	return transcript.WriteText(out, r, named)
}
