package wav_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
)

// TestAgainstFFmpeg compares every sample with ffmpeg's, for files written by ffmpeg and sox, also into
// pipes, where they cannot go back to write the length.
func TestAgainstFFmpeg(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 40 processes, seconds in all")
	}
	tones := filepath.Join(golden.Root(), "testdata", "tones.wav")
	tests := []struct{ name, write string }{
		{"u8", "ffmpeg -i TONES -c:a pcm_u8 OUT"},
		{"s16", "ffmpeg -i TONES -c:a pcm_s16le OUT"},
		{"s16 stereo", "ffmpeg -i TONES -af aeval=val(0)|val(0)*-0.3 -c:a pcm_s16le OUT"},
		{"s24", "ffmpeg -i TONES -af volume=0.123 -c:a pcm_s24le OUT"},
		{"s32", "ffmpeg -i TONES -af volume=0.123 -c:a pcm_s32le OUT"},
		{"f32", "ffmpeg -i TONES -af volume=1.7 -c:a pcm_f32le OUT"},
		{"f64", "ffmpeg -i TONES -af volume=0.123 -c:a pcm_f64le OUT"},
		{"A-law", "ffmpeg -i TONES -c:a pcm_alaw OUT"},
		{"µ-law", "ffmpeg -i TONES -c:a pcm_mulaw OUT"},
		{"six channels", "ffmpeg -i TONES -ac 6 -ar 44100 -c:a pcm_s24le OUT"},
		{"RF64", "ffmpeg -i TONES -c:a pcm_s16le -rf64 always OUT"},
		{"ffmpeg's pipe", "ffmpeg -i TONES -c:a pcm_s16le -f wav -"},
		{"sox u8", "sox TONES -b 8 OUT"},
		{"sox s24", "sox TONES -b 24 OUT vol 0.123"},
		{"sox s32", "sox TONES -b 32 OUT vol 0.123"},
		{"sox f32", "sox TONES -e floating-point -b 32 OUT"},
		{"sox f64", "sox TONES -e floating-point -b 64 OUT"},
		{"sox A-law", "sox TONES -e a-law OUT"},
		{"sox µ-law", "sox TONES -e mu-law OUT"},
		{"sox's pipe", "sox TONES -t wav -b 24 -"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.wav")
			file := output(t, path, strings.NewReplacer("TONES", tones, "OUT", path).Replace(test.write))
			want := output(t, "", "ffmpeg -i - -f f32le -", file...)
			got := readAll(t, file)
			if len(got) == 0 || len(want) != 4*len(got) {
				t.Fatalf("%d samples, ffmpeg reads %d", len(got), len(want)/4)
			}
			for i, x := range got {
				if y := math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])); x != y {
					t.Fatalf("sample %d is %g, ffmpeg reads %g", i, x, y)
				}
			}
		})
	}
}

// output runs a command and returns what it wrote: to path if the command names that, else to its pipe.
func output(t *testing.T, path, command string, input ...byte) []byte {
	t.Helper()
	words := strings.Fields(command)
	if _, err := exec.LookPath(words[0]); err != nil {
		golden.Missing(t, words[0], err.Error())
	}
	if words[0] == "ffmpeg" {
		words = append([]string{"ffmpeg", "-v", "error", "-nostdin"}, words[1:]...)
	}
	var errors bytes.Buffer
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &errors
	data, err := cmd.Output()
	if err == nil && path != "" && strings.Contains(command, path) {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, &errors)
	}
	return data
}

func readAll(t *testing.T, file []byte) []float32 {
	t.Helper()
	r, err := wav.NewReader(source.New(t.Context(), bytes.NewReader(file), 0))
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	part := make([]float32, 1<<12)
	for {
		n, err := r.Read(part)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part[:n]...)
	}
}
