package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/golden"
	"sensevoice/internal/transcript"
)

// lines passes on what is printed, line by line.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestInterruptedStream presses Ctrl-C while a pipe says nothing.
func TestInterruptedStream(t *testing.T) {
	defer goleak.VerifyNone(t)
	phrases, err := os.ReadFile(filepath.Join(golden.Root(), "testdata", "phrases.wav"))
	if err != nil {
		t.Fatal(err)
	}
	in, speak := io.Pipe()
	defer speak.Close() // ends the read that waits, as the end of the process would
	out, errors := make(lines, 10), &bytes.Buffer{}
	home := t.TempDir()
	p := &program{in: in, out: out, err: errors, getenv: func(name string) string { return map[string]string{"HOME": home}[name] }}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	code := make(chan int, 1)
	go func() {
		code <- p.run(ctx, []string{"transcribe", "-m", "embedded", "--threads", "1", "--live", "-"})
		close(out)
	}()
	go func() { _, _ = speak.Write(phrases[:44+2*8*16000]) }() // then it says no more, and does not end
	for _, want := range []string{"hello\n", "open window\n", "one two three\n"} {
		if got := <-out; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	interrupt()
	if got, more := <-out; more {
		t.Errorf("then %q", got)
	}
	if got := <-code; got != exitInterrupted || !strings.Contains(errors.String(), "interrupted") {
		t.Errorf("exit code %d, %s", got, errors)
	}
}

// endless is a recording without end that is interrupted after a while.
type endless struct {
	sound     []byte
	at        int
	header    []byte
	left      int
	interrupt func()
	stopped   <-chan struct{}
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.header) > 0 {
		n := copy(p, e.header)
		e.header = e.header[n:]
		return n, nil
	}
	if e.left <= 0 {
		e.interrupt()
		<-e.stopped
		return 0, io.EOF
	}
	n := copy(p, e.sound[e.at:])
	e.at = (e.at + n) % len(e.sound)
	e.left -= n
	return n, nil
}

// TestInterruptedRecording presses Ctrl-C in the middle of a recording: what is finished of it is printed, and said not to be all.
func TestInterruptedRecording(t *testing.T) {
	defer goleak.VerifyNone(t)
	phrases, err := os.ReadFile(filepath.Join(golden.Root(), "testdata", "phrases.wav"))
	if err != nil {
		t.Fatal(err)
	}
	header := bytes.Clone(phrases[:44])
	copy(header[4:], "\xff\xff\xff\xff")
	copy(header[40:], "\xff\xff\xff\xff") // as a pipe has it
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	in := &endless{sound: phrases[44:], header: header, left: 60 * 32000, interrupt: interrupt, stopped: ctx.Done()}
	var out, errors bytes.Buffer
	home := t.TempDir()
	p := &program{in: in, out: &out, err: &errors, getenv: func(name string) string { return map[string]string{"HOME": home}[name] }}
	code := p.run(ctx, []string{"transcribe", "-m", "embedded", "--threads", "1", "-f", "json", "--batch-size-s", "5", "-"})
	var r transcript.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %q, %s", err, &out, &errors)
	}
	if code != exitInterrupted || len(r.Segments) < 4 || !strings.HasPrefix(r.Incomplete, "interrupted: the transcript ends at ") {
		t.Errorf("exit code %d, %d segments, incomplete %q", code, len(r.Segments), r.Incomplete)
	}
	if !strings.Contains(errors.String(), "sensevoice: stdin: interrupted: the transcript ends at ") {
		t.Errorf("said %s", &errors)
	}
}
