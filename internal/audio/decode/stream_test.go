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
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/audio/pcm"
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

func TestImpossibleRaw(t *testing.T) {
	good := *raw(t, "s16le:16000")
	for i, change := range []func(*decode.RawFormat){
		func(f *decode.RawFormat) { f.Coding = pcm.Coding{} }, func(f *decode.RawFormat) { f.Rate = 0 },
		func(f *decode.RawFormat) { f.Channels = 0 }, func(f *decode.RawFormat) { f.Channels = 65 },
	} {
		f := good
		change(&f)
		if _, err := decode.Open(t.Context(), bytes.NewReader(nil), decode.Options{Raw: &f}); err == nil {
			t.Errorf("change %d: %v is accepted", i, &f)
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
