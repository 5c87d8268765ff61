package decode_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/golden"
)

func hello(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(golden.Root(), "testdata", "hello.wav"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func raw(t testing.TB, s string) *decode.RawFormat {
	t.Helper()
	f, err := decode.ParseRaw(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRaw(t *testing.T) {
	tests := []struct {
		format string
		data   string
		want   []float32
	}{
		{"s16le:16000", "\x00\x40\x00\xc0", []float32{0.5, -0.5}},
		{"S16BE:16000", "\x40\x00\xc0\x00", []float32{0.5, -0.5}},
		{"u8:16000", "\xc0\x40", []float32{0.5, -0.5}},
		{"s8:16000", "\x40\xc0", []float32{0.5, -0.5}},
		{"s24le:16000", "\x00\x00\x40\x00\x00\xc0", []float32{0.5, -0.5}},
		{"s24be:16000", "\x40\x00\x00\xc0\x00\x00", []float32{0.5, -0.5}},
		{"s32le:16000", "\x00\x00\x00\x40\x00\x00\x00\xc0", []float32{0.5, -0.5}},
		{"s32be:16000", "\x40\x00\x00\x00\xc0\x00\x00\x00", []float32{0.5, -0.5}},
		{"f32le:16000", "\x00\x00\x00\x3f\x00\x00\x00\xbf", []float32{0.5, -0.5}},
		{"f32be:16000", "\x3f\x00\x00\x00\xbf\x00\x00\x00", []float32{0.5, -0.5}},
		{"f64le:16000", "\x00\x00\x00\x00\x00\x00\xe0\x3f", []float32{0.5}},
		{"f64be:16000", "\x3f\xe0\x00\x00\x00\x00\x00\x00", []float32{0.5}},
		{"alaw:16000", "\xd5\x55", []float32{8. / 32768, -8. / 32768}},
		{"mulaw:16000", "\xff\x80", []float32{0, 32124. / 32768}},
		{"s16le:16000:2", "\x00\x40\x00\x00\x00\xc0\x00\x00", []float32{0.25, -0.25}},
		{"s16le:16000", "\x00\x40\x00", []float32{0.5}},
	}
	for _, test := range tests {
		got, damage, err := try(t.Context(), []byte(test.data), decode.Options{Raw: raw(t, test.format)})
		if err != nil || damage != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, damage %v, %v, want %v", test.format, got, damage, err, test.want)
		}
	}
	for _, bad := range []string{"", "s16le", "s16le:", "s16le:0", "s16le:768001", "s16le:16000:65", "s16le:16000:1:1", "mp3:16000", "s16le:16k"} {
		if f, err := decode.ParseRaw(bad); err == nil {
			t.Errorf("%q is accepted as %v", bad, f)
		}
	}
}

func TestChannels(t *testing.T) {
	data := []byte("\x00\x40\x00\x00\x00\xc0\x00\x20")
	for name, want := range map[string][]float32{
		"mix": {0.25, -0.125}, "left": {0.5, -0.5}, "Right": {0, 0.25}, "each": {0.5, 0, -0.5, 0.25},
	} {
		c, err := decode.ParseChannels(name)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := try(t.Context(), data, decode.Options{Raw: raw(t, "s16le:16000:2"), Channels: c})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := decode.ParseChannels("middle"); err == nil {
		t.Error("a choice that does not exist is accepted")
	}
	if _, _, err := try(t.Context(), data, decode.Options{Raw: raw(t, "s16le:16000"), Channels: decode.Right}); err == nil {
		t.Error("one channel has a right one")
	}
}

// TestResampledTracks: each channel of a recording at another rate is what it would be alone.
func TestResampledTracks(t *testing.T) {
	var both, left []byte
	for i := range 2 * 5000 {
		b := []byte{byte(i), byte(i * i >> 3)}
		both = append(both, b...)
		if i%2 == 0 {
			left = append(left, b...)
		}
	}
	each, _, err := try(t.Context(), both, decode.Options{Raw: raw(t, "s16le:44100:2"), Channels: decode.Each})
	if err != nil {
		t.Fatal(err)
	}
	alone, _, err := try(t.Context(), left, decode.Options{Raw: raw(t, "s16le:44100")})
	if err != nil || len(each) != 2*len(alone) {
		t.Fatalf("%d samples of two, %d of one: %v", len(each), len(alone), err)
	}
	for i, x := range alone {
		if each[2*i] != x {
			t.Fatalf("sample %d is %g, alone %g", i, each[2*i], x)
		}
	}
}

func TestLimits(t *testing.T) {
	file := hello(t) // 2.93 s
	var long *audio.TooLongError
	var large *audio.TooLargeError
	_, _, err := try(t.Context(), file, decode.Options{MaxDuration: time.Second})
	if !errors.As(err, &long) || long.Limit != 16000 {
		t.Errorf("three seconds where one is the limit: %v", err)
	}
	samples, _, err := try(t.Context(), file[44:], decode.Options{Raw: raw(t, "s16le:16000"), MaxDuration: time.Second})
	if !errors.As(err, &long) || len(samples) > 16000 {
		t.Errorf("%d samples where 16,000 are the limit: %v", len(samples), err)
	}
	if _, _, err := try(t.Context(), file, decode.Options{MaxBytes: int64(len(file))}); err != nil {
		t.Errorf("as large as the limit: %v", err)
	}
	if _, _, err := try(t.Context(), file, decode.Options{MaxBytes: int64(len(file)) - 1}); !errors.As(err, &large) {
		t.Errorf("larger than the limit: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := decode.Open(ctx, bytes.NewReader(file), decode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the client has gone")
	cancel(gone)
	if _, err := s.Read(make([]float32, 100)); !errors.Is(err, gone) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestWhatIsNoSound(t *testing.T) {
	for data, want := range map[string]string{
		"":                                    "sound: byte 0: the file is empty",
		"hello":                               "sound: byte 0: this is text, not sound; was something else saved in place of the sound?",
		"<!DOCTYPE html>":                     "sound: byte 0: this is HTML, not sound; was something else saved in place of the sound?",
		"\x01\x00\x02\x00\x03":                "sound: byte 0: the format is not known; of samples without a header say what they are, such as --raw s16le:16000",
		"\x00\x00\x00\x20ftypM4A \x00\x00":    "MP4: byte 0: not supported; convert it first: ffmpeg -i IN -ac 1 -ar 16000 OUT.wav",
		"RIFF\x24\x00\x00\x00WAVEdata\x00":    "WAV: byte 17: the file ends inside its header: unexpected EOF",
		"OggS":                                "Ogg: byte 0: the file ends inside a page",
		"fLaC\x00\x00\x00\x22":                "FLAC: byte 8: the file ends too early: unexpected EOF",
		"\x1aE\xdf\xa3\x9f":                   "WebM: byte 5: the file ends too early: unexpected EOF",
		"\xff\xfb\x90\x64\x00":                "MP3: byte 0: the file ends inside a frame",
		"ID3\x04\x00\x00\x00\x00\x00\x01\x00": "sound: byte 0: the file is empty",
	} {
		_, _, err := try(t.Context(), []byte(data), decode.Options{FFmpeg: "none"})
		var format *audio.FormatError
		if !errors.As(err, &format) || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", data, err, want)
		}
	}
	_, _, err := try(t.Context(), []byte("#!AMR\n"), decode.Options{FFmpeg: "/no/ffmpeg"})
	if !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "/no/ffmpeg") {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestErrorsOfTheStream: what a connection says is neither wrapped nor taken for damage.
func TestErrorsOfTheStream(t *testing.T) {
	broken := errors.New("connection reset")
	for name, write := range mutants {
		if name == "float" && testing.Short() {
			continue
		}
		if testing.Short() {
			t.Skip("starts a dozen processes")
		}
		file := run(t, write, nil)
		for _, length := range []int{0, 3, 40, len(file) / 2} {
			r := io.MultiReader(bytes.NewReader(file[:length]), iotest.ErrReader(broken))
			s, err := decode.Open(t.Context(), r, decode.Options{FFmpeg: "none"})
			if err == nil {
				_, err = drain(s)
				s.Close()
			}
			if err != broken {
				t.Errorf("%s, broken after %d bytes: %v", name, length, err)
			}
		}
	}
}

// TestPiecesAreTheWhole: bytes that come one by one, or with the end, give the same sound.
func TestPiecesAreTheWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	for name, write := range mutants {
		file := run(t, write, nil)
		want, _ := decodeAll(t, bytes.NewReader(file), decode.Options{FFmpeg: "none"})
		for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
			if got, _ := decodeAll(t, r, decode.Options{FFmpeg: "none"}); !slices.Equal(got, want) {
				t.Errorf("%s: other samples in pieces", name)
			}
		}
	}
}

// TestTruncatedFiles: what came before the cut is the same sound, and the cut is told.
func TestTruncatedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	for _, write := range []string{
		"ffmpeg -i CLIP -c:a pcm_s16le -f wav OUT", "ffmpeg -i CLIP -c:a adpcm_ms -f wav OUT", "ffmpeg -i CLIP -f flac OUT",
		"ffmpeg -i CLIP -c:a libvorbis -page_duration 200000 -f ogg OUT", "ffmpeg -i CLIP -c:a libopus -page_duration 200000 -f ogg OUT",
		"ffmpeg -i CLIP -c:a libopus -f webm OUT", "ffmpeg -i CLIP -c:a libmp3lame -f mp3 OUT",
	} {
		t.Run(write, func(t *testing.T) {
			file := run(t, write, nil)
			whole, _ := decodeAll(t, bytes.NewReader(file), decode.Options{FFmpeg: "none"})
			for _, part := range []float64{0.35, 0.5, 0.8} {
				got, damage, err := try(t.Context(), file[:int(part*float64(len(file)))], decode.Options{FFmpeg: "none"})
				if err != nil || damage == nil {
					t.Errorf("%.2f of the file: %v, damage %v", part, err, damage)
				}
				if len(got) < int((part-0.25)*float64(len(whole))) || len(got) >= len(whole) {
					t.Fatalf("%.2f of the file gives %d of %d samples", part, len(got), len(whole))
				}
				same := max(0, len(got)-64) // the filter sees the end of what there is
				if !slices.Equal(got[:same], whole[:same]) {
					t.Errorf("%.2f of the file: other samples than the whole", part)
				}
			}
		})
	}
}

// TestLiveStream: a browser's recording is decoded while it comes: all sound but the last few milliseconds of what has been sent.
func TestLiveStream(t *testing.T) {
	file := run(t, "ffmpeg -i CLIP -c:a libopus -f webm -live 1 -cluster_time_limit 200 -", nil)
	half := len(file) / 2
	in, out := io.Pipe()
	defer in.Close()
	heard := make(chan int)
	go func() {
		defer close(heard)
		s, err := decode.Open(t.Context(), in, decode.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		part := make([]float32, 1000)
		total := 0
		for {
			n, err := s.Read(part)
			if err != nil {
				return
			}
			total += n
			heard <- total
		}
	}()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for piece := range slices.Chunk(file[:half], 500) {
			if _, err := out.Write(piece); err != nil {
				return
			}
		}
	}()
	want := 16000 * 29 / 10 / 2 * 8 / 10 // of 2.93 s half, and some blocks are longer than others
	for total := range heard {
		if total > want {
			break
		}
	}
	out.CloseWithError(io.EOF)
	for range heard {
	}
	<-written
}

// TestMemoryDoesNotGrow: twenty minutes take no more than one, and a rate of one sample in a second makes no great chunks.
func TestMemoryDoesNotGrow(t *testing.T) {
	for format, size := range map[string]int64{"s16le:16000": 1200 * 32000, "u8:1": 60, "f64le:768000:64": 16 << 20} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := decode.Open(t.Context(), io.LimitReader(silence{}, size), decode.Options{Raw: raw(t, format)})
		if err != nil {
			t.Fatal(err)
		}
		part, total := make([]float32, 16000), 0
		for err == nil {
			var n int
			n, err = s.Read(part)
			total += n
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; err != io.EOF || total == 0 || grown > 16<<20 {
			t.Errorf("%s: %d samples, %v, %d bytes allocated", format, total, err, grown)
		}
	}
}

// silence never ends.
type silence struct{}

func (silence) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestDuration(t *testing.T) {
	var long bytes.Buffer
	if err := wav.Write(&long, 8000, make([]float32, 8000*5)); err != nil {
		t.Fatal(err)
	}
	s, err := decode.Open(t.Context(), &long, decode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if want := (audio.Info{Name: "WAV", Rate: 8000, Channels: 1, Duration: 5 * time.Second}); s.Format() != want {
		t.Errorf("%+v, want %+v", s.Format(), want)
	}
	samples, err := drain(s)
	if err != nil || len(samples) != 80000 || s.Position() != 80044 {
		t.Errorf("%d samples, %d bytes, %v", len(samples), s.Position(), err)
	}
}

func TestSoundThatIsNone(t *testing.T) {
	nan := math.Float32bits(float32(math.NaN()))
	data := []byte{0, 0, 0, 0, byte(nan), byte(nan >> 8), byte(nan >> 16), byte(nan >> 24)}
	_, damage, err := try(t.Context(), data, decode.Options{Raw: raw(t, "f32le:16000")})
	if err == nil && damage == nil {
		t.Error("NaN passes for sound")
	}
	if _, _, err := try(t.Context(), nil, decode.Options{Raw: raw(t, "f32le:16000")}); !errors.Is(err, audio.ErrNoSamples) {
		t.Errorf("nothing at all: %v", err)
	}
}
