// Package ffmpeg reads sound through the program of that name: what is decoded nowhere in this repository.
//
// The program gets the recording through a pipe, may open nothing else, and gives WAV of the recording's own rate and channels
// back through a pipe. It runs in a process group of its own, at low cost: one thread, and bounds on memory and processor time.
// A container whose index lies at its end needs to be gone back and forth in: it is copied to a temporary file first.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/wav"
)

// None as the name of the program says never to run one.
const None = "none"

// waitDelay is how long the program's pipes are waited for once it is gone.
const waitDelay = time.Second

// Options is what a caller may choose.
type Options struct {
	Program     string        // "": ffmpeg in PATH
	Demuxer     string        // the program's name for the container; others are not tried
	Format      string        // the name of the format, for messages
	MaxDuration time.Duration // of sound, 0: no limit; the program ends some time after it
	Seek        bool          // whether the container needs going back and forth in
	MaxBytes    int64         // of the temporary file, 0: as Spool says
}

// Find returns the path of the program, or an error that says what to do.
func Find(program string) (string, error) {
	switch program {
	case None:
		return "", errors.New("ffmpeg is turned off")
	case "":
		program = "ffmpeg"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("no ffmpeg was found: %w", err)
	}
	return path, nil
}

// Reader reads the samples that the program gives. It is an [audio.Decoder].
type Reader struct {
	caller context.Context
	ctx    context.Context // of the program: the caller's, or the end of the Reader
	cancel context.CancelFunc
	cmd    *exec.Cmd
	format string
	stderr tail
	input  io.Closer // a temporary file, or nil
	wav    *wav.Reader
	done   sync.Once
	ended  error // of the program
	damage error
}

// NewReader starts the program on r and reads the header of what it gives.
func NewReader(ctx context.Context, r io.Reader, o Options) (*Reader, error) {
	path, err := Find(o.Program)
	if err != nil {
		return nil, err
	}
	f := &Reader{format: o.Format, caller: ctx}
	f.ctx, f.cancel = context.WithCancel(ctx)
	input := "pipe:0"
	protocols := "pipe"
	if o.Seek {
		file, err := spool(r, o.MaxBytes)
		if err != nil {
			f.cancel()
			return nil, err
		}
		f.input, input, protocols, r = file, "file:"+file.Name(), "file", nil
	}
	if err := f.start(path, arguments(input, protocols, o), r); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func arguments(input, protocols string, o Options) []string {
	args := []string{
		"-v", "error", "-nostdin", "-hide_banner", "-threads", "1", "-protocol_whitelist", protocols,
		"-f", o.Demuxer, "-i", input, "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1",
	}
	if o.MaxDuration > 0 {
		args = append(args, "-t", fmt.Sprintf("%.3f", (o.MaxDuration+2*time.Second).Seconds()))
	}
	return append(args, "-c:a", "pcm_f32le", "-f", "wav", "pipe:1")
}

func (f *Reader) start(path string, args []string, r io.Reader) error {
	f.cmd = exec.CommandContext(f.ctx, path, args...)
	f.cmd.Stdin, f.cmd.Stderr, f.cmd.WaitDelay = r, &f.stderr, waitDelay
	ownGroup(f.cmd)
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := f.cmd.Start(); err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	if err := confine(f.cmd.Process.Pid); err != nil {
		return fmt.Errorf("confine ffmpeg: %w", err)
	}
	if f.wav, err = wav.NewReader(source.New(f.ctx, out, 0)); err != nil {
		return f.failure(err)
	}
	return nil
}

// Info returns what the program found; the header of a pipe knows no duration.
func (f *Reader) Info() audio.Info {
	info := f.wav.Info()
	info.Name = f.format
	return info
}

// Damage is what the program complained of, if it gave sound nevertheless.
func (f *Reader) Damage() error { return f.damage }

// Read implements [audio.Decoder].
func (f *Reader) Read(dst []float32) (int, error) {
	n, err := f.wav.Read(dst)
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		if f.wait(); f.ended == nil && f.stderr.last() == "" {
			return 0, io.EOF
		}
	}
	return 0, f.failure(err)
}

// failure is why the program gave no more: a context that ended, or what it said last.
func (f *Reader) failure(err error) error {
	if err != io.EOF {
		f.cancel() // it may be waiting for somebody to read on
	}
	f.wait()
	if f.caller.Err() != nil {
		return context.Cause(f.caller)
	}
	said := f.stderr.last()
	if err == io.EOF && f.ended == nil {
		f.damage = f.fault(said)
		return io.EOF
	}
	switch {
	case said != "":
	case err != io.EOF:
		said = err.Error()
	default:
		said = f.ended.Error()
	}
	return f.fault(said)
}

func (f *Reader) fault(said string) error {
	return &audio.FormatError{Format: f.format, Err: fmt.Errorf("ffmpeg: %s", said)}
}

func (f *Reader) wait() {
	f.done.Do(func() {
		if f.ended = f.cmd.Wait(); errors.Is(f.ended, exec.ErrWaitDelay) {
			f.ended = nil // it ended well, and somebody still waits for more of the recording
		}
	})
}

// Close ends the program and removes the temporary file.
func (f *Reader) Close() error {
	f.cancel()
	if f.cmd != nil && f.cmd.Process != nil {
		f.wait()
	}
	if f.input == nil {
		return nil
	}
	input := f.input
	f.input = nil
	return input.Close()
}

// tail keeps the end of what the program says.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const limit = 4 << 10
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - limit; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// last is the last line that says something about the recording, without the address of an object in the program's memory.
func (t *tail) last() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	said := ""
	for _, line := range lines {
		text := strings.TrimSpace(strings.ToValidUTF8(string(line), "?"))
		if rest, found := strings.CutPrefix(text, "["); found {
			if _, after, found := strings.Cut(rest, "] "); found {
				text = after
			}
		}
		if text != "" && !strings.HasPrefix(text, "Conversion failed") && !strings.HasPrefix(text, "Error opening input file") {
			said = text
		}
	}
	return said
}
