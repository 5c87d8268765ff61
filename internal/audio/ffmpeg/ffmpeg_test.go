package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script writes a program that stands in for ffmpeg. OUT in it is a WAV file of 100 samples, DIR a folder of its own.
func script(t *testing.T, text string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	var sound bytes.Buffer
	if err := wav.Write(&sound, 16000, make([]float32, 100)); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.wav")
	path = filepath.Join(dir, "ffmpeg")
	text = "#!/bin/sh\n" + strings.NewReplacer("OUT", out, "DIR", dir).Replace(text)
	if err := errors.Join(os.WriteFile(out, sound.Bytes(), 0o600), os.WriteFile(path, []byte(text), 0o700)); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

func readAll(f *Reader) (total int, err error) {
	part := make([]float32, 64)
	for {
		n, err := f.Read(part)
		if err != nil {
			return total, err
		}
		total += n
	}
}

func TestWhatTheProgramSays(t *testing.T) {
	tests := []struct {
		name, script string
		total        int
		err, damage  string // EOF where empty
	}{
		{"all is well", "cat >/dev/null; cat OUT", 100, "", ""},
		{"it complains and gives sound", "cat OUT; echo '[mp3 @ 0x55d0] Header missing' >&2", 100, "", "MP3: byte 0: ffmpeg: Header missing"},
		{"it fails after sound", "cat OUT; echo 'Invalid data' >&2; exit 1", 100, "MP3: byte 0: ffmpeg: Invalid data", ""},
		{
			"it fails at once", "echo 'in#0: Error opening input: Bad file' >&2; echo 'Error opening input files: Bad file' >&2; exit 1", 0,
			"MP3: byte 0: ffmpeg: in#0: Error opening input: Bad file", "",
		},
		{"it gives nonsense", "echo nonsense", 0, "MP3: byte 0: ffmpeg: WAV: byte 0: this is text, not WAV", ""},
		{"it is killed", "cat OUT; kill -9 $$", 100, "MP3: byte 0: ffmpeg: signal: killed", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path, _ := script(t, test.script)
			f, err := NewReader(t.Context(), strings.NewReader("some sound"), Options{Program: path, Format: "MP3", Demuxer: "mp3"})
			total := 0
			if err == nil {
				total, err = readAll(f)
				if text := fmt.Sprint(f.Damage()); test.damage != "" && text != test.damage {
					t.Errorf("damage %q, want %q", text, test.damage)
				}
				f.Close()
			}
			if test.err == "" {
				test.err = io.EOF.Error()
			}
			if total != test.total || !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%d samples, %v, want %d, %s", total, err, test.total, test.err)
			}
		})
	}
}

// TestCloseEndsIt: a program that nobody reads from any longer, and that still waits for more of the recording, is ended.
func TestCloseEndsIt(t *testing.T) {
	path, _ := script(t, "cat OUT; cat >/dev/null")
	in, out := io.Pipe()
	f, err := NewReader(t.Context(), in, Options{Program: path, Format: "MP3", Demuxer: "mp3"})
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestContextEndsIt(t *testing.T) {
	path, _ := script(t, "cat OUT; exec sleep 1000")
	ctx, cancel := context.WithCancelCause(t.Context())
	f, err := NewReader(ctx, strings.NewReader(""), Options{Program: path, Format: "MP3", Demuxer: "mp3"})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the client has gone")
	cancel(gone)
	if _, err := readAll(f); !errors.Is(err, gone) {
		t.Errorf("after the end of the context: %v", err)
	}
	f.Close()
}

func TestTemporaryFile(t *testing.T) {
	path, dir := script(t, `while [ "$1" != -i ]; do shift; done; test -s "${2#file:}" && cat OUT`)
	t.Setenv("TMPDIR", dir)
	o := Options{Program: path, Format: "MP4", Demuxer: "mov", Seek: true, MaxBytes: 10}
	_, err := NewReader(t.Context(), strings.NewReader("eleven byte"), o)
	var large *audio.TooLargeError
	if !errors.As(err, &large) {
		t.Errorf("more than the limit: %v", err)
	}
	f, err := NewReader(t.Context(), strings.NewReader("ten  bytes"), o)
	if err != nil {
		t.Fatal(err)
	}
	if total, err := readAll(f); total != 100 || err != io.EOF {
		t.Errorf("%d samples, %v", total, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "sensevoice-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestArguments(t *testing.T) {
	path, _ := script(t, `echo "$@" >&2; exit 1`)
	_, err := NewReader(t.Context(), strings.NewReader(""), Options{Program: path, Format: "MP3", Demuxer: "mp3", MaxDuration: 3e9})
	for _, want := range []string{"-nostdin", "-protocol_whitelist pipe ", "-f mp3 -i pipe:0", "-t 5.000", "-f wav pipe:1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, program := range []string{"", None, "/no/ffmpeg"} {
		if path, err := Find(program); err == nil {
			t.Errorf("%q found as %s", program, path)
		}
	}
}
