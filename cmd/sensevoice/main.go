// Command sensevoice recognises speech with the SenseVoiceSmall model.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailed      = 1   // something could not be done; the message says what
	exitUsage       = 2   // the command line is wrong
	exitInterrupted = 130 // Ctrl-C, as shells have it
)

// program is one run of the command: where it reads and writes, so that tests can run it in-process.
type program struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	args     []string // of the command line
}

// commands are the subcommands, one file each.
type commands struct {
	Transcribe transcribeCommand `cmd:"" help:"Turn recordings into text."`
	Serve      serveCommand      `cmd:"" help:"Serve recognition over HTTP and WebSocket."`
	Config     configCommand     `cmd:"" help:"Show the settings of the server, and where each comes from."`
	GPU        gpuCommand        `cmd:"" name:"gpu" help:"Look at the GPUs."`
	Doctor     doctorCommand     `cmd:"" help:"Look at all that the server needs here, and say what to do about what is not well."`
	Health     healthCommand     `cmd:"" help:"Ask a server whether it is healthy."`
	Model      modelCommand      `cmd:"" help:"Pull, list, show, verify, remove and convert models."`
	Bench      benchCommand      `cmd:"" help:"Measure the speed of recognition on this machine."`
	Load       loadCommand       `cmd:"" help:"Put load on a server and measure how it answers."`
	Completion completionCommand `cmd:"" help:"Write a completion script for a shell."`
	Man        manCommand        `cmd:"" help:"Write the manual page."`
	Worker     workerCommand     `cmd:"" hidden:"" help:"Compute for a server, which starts this."`
	Version    versionCommand    `cmd:"" help:"Show the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// silentError ends the program with a failure that has been reported already.
type silentError struct{ code int }

func (e silentError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// run parses arguments, runs the subcommand and returns the exit code.
func (p *program) run(ctx context.Context, args []string) (code int) {
	parser, err := p.parser(&commands{}, ctx)
	if err != nil {
		fmt.Fprintln(p.err, "sensevoice:", err)
		return exitFailed
	}
	defer recoverExit(&code)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	p.args = args
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(p.err, "sensevoice: %v\nTry: sensevoice --help\n", err)
		return exitUsage
	}
	return p.report(ctx, parsed.Run())
}

// parser makes the parser of the command line.
func (p *program) parser(c *commands, ctx context.Context) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("sensevoice"),
		kong.Description("Speech recognition for Mandarin, Cantonese, English, Japanese and Korean, with language, emotion and sound-event tags."),
		kong.Writers(p.out, p.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.UsageOnError(),
		kong.Exit(func(c int) { panic(exitRequest(c)) }),
		kong.Bind(p),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.ValueFormatter(helpWithVariables),
	)
}

// exitRequest is what kong's wish to exit, after --help, unwinds as.
type exitRequest int

func recoverExit(code *int) {
	switch r := recover().(type) {
	case nil:
	case exitRequest:
		*code = int(r)
	default:
		panic(r)
	}
}

// usageError is a value on the command line that no command can work with.
type usageError struct{ error }

func (p *program) report(ctx context.Context, err error) (code int) {
	var silent silentError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(p.err, "sensevoice: interrupted")
		return exitInterrupted
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &usage):
		fmt.Fprintln(p.err, "sensevoice:", err)
		return exitUsage
	}
	fmt.Fprintln(p.err, "sensevoice:", err)
	return exitFailed
}
