package decode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/audio/decode"
	"sensevoice/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outputs keeps what commands gave: many tests begin with the same files.
var outputs sync.Map

// run runs a command line in which CLIP is a clip of speech, and OUT a file that it writes and run returns; without OUT, what it
// writes to its pipe. The input comes through a pipe, or as the file IN. Words are divided by spaces.
func run(t testing.TB, command string, input []byte) []byte {
	t.Helper()
	key := command + string(input)
	if made, ok := outputs.Load(key); ok {
		return bytes.Clone(made.([]byte))
	}
	out, in := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "in")
	words := strings.Fields(command)
	if _, err := exec.LookPath(words[0]); err != nil {
		golden.Missing(t, words[0], err.Error())
	}
	for i, word := range words {
		words[i] = strings.NewReplacer("CLIP", filepath.Join(golden.Root(), "testdata", "hello.wav"), "OUT", out, "IN", in).Replace(word)
	}
	if strings.Contains(command, " IN ") {
		if err := os.WriteFile(in, input, 0o600); err != nil {
			t.Fatal(err)
		}
		input = nil
	}
	if words[0] == "ffmpeg" {
		words = append([]string{"ffmpeg", "-v", "error", "-nostdin", "-y"}, words[1:]...)
	}
	var errors bytes.Buffer
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &errors
	data, err := cmd.Output()
	if err == nil && strings.Contains(command, "OUT") {
		data, err = os.ReadFile(out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, &errors)
	}
	outputs.Store(key, bytes.Clone(data))
	return data
}

// floats reads little-endian samples of 32 bits.
func floats(data []byte) []float32 {
	samples := make([]float32, len(data)/4)
	for i := range samples {
		samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return samples
}

// decodeAll reads a whole recording.
func decodeAll(t testing.TB, r io.Reader, o decode.Options) (samples []float32, s *decode.Stream) {
	t.Helper()
	s, err := decode.Open(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	samples, err = drain(s)
	if err != nil {
		t.Fatal(err)
	}
	return samples, s
}

func drain(s *decode.Stream) (samples []float32, err error) {
	part := make([]float32, 3000*s.Tracks())
	for {
		n, err := s.Read(part)
		if err == io.EOF {
			return samples, nil
		}
		if err != nil {
			return samples, err
		}
		samples = append(samples, part[:n]...)
	}
}

// ratio is that of signal to difference, in dB.
func ratio(got, want []float32) float64 {
	var signal, noise float64
	for i, x := range want {
		signal += float64(x) * float64(x)
		noise += (float64(got[i]) - float64(x)) * (float64(got[i]) - float64(x))
	}
	return 10 * math.Log10(signal/noise)
}

// try decodes bytes of any kind.
func try(ctx context.Context, data []byte, o decode.Options) (samples []float32, damage, err error) {
	s, err := decode.Open(ctx, bytes.NewReader(data), o)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	samples, err = drain(s)
	return samples, s.Damage(), err
}
