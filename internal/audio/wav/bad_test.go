package wav_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
)

// floats is a file of 32-bit floating-point samples, stereo.
func floats(values ...float32) []byte {
	return with(func(f *file) {
		f.tag, f.channels, f.align, f.bits, f.data = 3, 2, 8, 32, nil
		for _, x := range values {
			f.data = binary.LittleEndian.AppendUint32(f.data, math.Float32bits(x))
		}
		f.dataSize = uint32(len(f.data))
	})
}

func TestBadFiles(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "WAV: byte 0: the file is empty"},
		{"mp3", []byte("\xff\xfb\x90\x64\x00\x00"), "WAV: byte 0: this is MP3, not WAV"},
		{"ogg", []byte("OggS\x00\x02\x00\x00"), "WAV: byte 0: this is Ogg, not WAV"},
		{"flac", []byte("fLaC\x00\x00\x00\x22"), "WAV: byte 0: this is FLAC, not WAV"},
		{"mp4", []byte("\x00\x00\x00\x20ftypM4A \x00"), "WAV: byte 0: this is MP4, not WAV"},
		{"webm", []byte("\x1aE\xdf\xa3\x9fB\x86\x81"), "WAV: byte 0: this is WebM, not WAV"},
		{"avi", []byte("RIFF\x00\x01\x00\x00AVI LIST"), "WAV: byte 0: this is AVI, not WAV"},
		{"text", []byte("hello"), "WAV: byte 0: this is text, not WAV"},
		{"html", []byte("<!DOCTYPE html>"), "WAV: byte 0: this is HTML, not WAV"},
		{"raw_samples", []byte{1, 0, 2, 0, 3, 0}, "WAV: byte 0: this is not WAV"},
		{"big_endian", []byte("RIFX\x00\x00\x00\x24WAVEfmt "), "WAV: byte 0: big-endian WAV (RIFX) is not supported"},

		{"truncated_magic", valid().bytes()[:10], "WAV: byte 10: the file ends inside its header: unexpected EOF"},
		{"truncated_chunk_head", valid().bytes()[:17], "WAV: byte 17: the file ends inside its header: unexpected EOF"},
		{"truncated_fmt", valid().bytes()[:30], "WAV: byte 30: the file ends inside its header: unexpected EOF"},
		{"truncated_list", with(func(f *file) { f.chunks = []byte("LIST\xff\xff\x00\x00") })[:50], "WAV: byte 50: the file ends inside its header: unexpected EOF"},
		{"no_data_chunk", valid().bytes()[:36], "WAV: byte 36: there is no data chunk"},
		{"no_fmt_chunk", []byte("RIFF\x24\x00\x00\x00WAVEdata\x02\x00\x00\x00\x00\x00"), "WAV: byte 12: the data chunk comes before the fmt chunk"},
		{"two_fmt_chunks", with(func(f *file) { f.chunks = chunk("fmt ", f.formatBody()) }), "WAV: byte 44: there are two fmt chunks"},
		{"short_fmt", []byte("RIFF\x24\x00\x00\x00WAVEfmt \x04\x00\x00\x00\x01\x00\x01\x00"), "WAV: byte 20: the fmt chunk has 4 bytes, want at least 16"},
		{"short_extensible_fmt", with(func(f *file) { f.tag = 0xfffe }), "WAV: byte 20: the extensible fmt chunk has 16 bytes, want at least 40"},
		{"short_ds64", with(func(f *file) { f.chunks = chunk("ds64", make([]byte, 8)) }), "WAV: byte 44: the ds64 chunk has 8 bytes, want at least 28"},
		{"huge_chunk", with(func(f *file) { f.chunks = []byte("JUNK\xff\xff\xff\xff") }), `WAV: byte 44: a chunk "JUNK" of 4294967296 bytes leaves no data chunk in the first 16 MiB`},

		{"zero_rate", with(func(f *file) { f.rate = 0 }), "WAV: byte 24: the sample rate is 0"},
		{"absurd_rate", with(func(f *file) { f.rate = 768001 }), "WAV: byte 24: a sample rate of 768001 Hz, want at most 768000"},
		{"other_rate", with(func(f *file) { f.rate = 8000 }), "WAV: byte 0: the sample rate is 8000 Hz, want 16000"},
		{"zero_channels", with(func(f *file) { f.channels = 0 }), "WAV: byte 22: there are no channels"},
		{"thousand_channels", with(func(f *file) { f.channels, f.align = 1000, 2000 }), "WAV: byte 22: 1000 channels, want at most 64"},
		{"block_align", with(func(f *file) { f.align = 4 }), "WAV: byte 32: frames of 4 bytes, want 2 for 1 channels of 16 bits"},
		{"zero_bits", with(func(f *file) { f.bits = 0 }), "WAV: byte 34: PCM of 0 bits is not supported"},
		{"twelve_bits", with(func(f *file) { f.bits = 12 }), "WAV: byte 34: PCM of 12 bits is not supported"},
		{"half_floats", with(func(f *file) { f.tag = 3 }), "WAV: byte 34: float of 16 bits is not supported"},
		{"ima_adpcm", with(func(f *file) { f.tag = 0x11 }), "WAV: byte 34: IMA ADPCM of 16 bits is not supported"},
		{"unknown_codec", with(func(f *file) { f.tag = 0x1234 }), "WAV: byte 20: codec 0x1234 is not supported"},
		{"unknown_guid", with(func(f *file) { f.tag, f.fmtRest = 0xfffe, extensible(1, "ambisonics, ..") }), "WAV: byte 44: codec 0100616d6269736f6e6963732c202e2e is not supported"},
		{"mp3_in_extensible", with(func(f *file) { f.tag, f.fmtRest = 0xfffe, extensible(0x55, guidTail) }), "WAV: byte 44: codec 0x0055 (MP3) is not supported"},

		{"no_samples", with(func(f *file) { f.dataSize, f.data = 0, nil }), "WAV: byte 44: the recording holds no samples"},
		{"no_samples_behind_size", with(func(f *file) { f.dataSize, f.data = 1000, nil }), "WAV: byte 44: the recording holds no samples"},
		{"half_a_sample", with(func(f *file) { f.dataSize, f.data = 1, f.data[:1] }), "WAV: byte 44: the recording holds no samples"},
		{"nan", floats(0, 0, 1, nan, nan), "WAV: byte 56: a sample is NaN, want a number between -1 and 1"},
		{"infinite", floats(0, 0, -inf, 0), "WAV: byte 52: a sample is -Inf, want a number between -1 and 1"},
		{"absurd_level", floats(0, 1e30), "WAV: byte 48: a sample is 1e+30, want a number between -1 and 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			samples, err := wav.Decode(bytes.NewReader(test.data), 100)
			var format *audio.FormatError
			if !errors.As(err, &format) || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if samples != nil {
				t.Errorf("%d samples along with the error", len(samples))
			}
			if strings.HasPrefix(test.name, "no_samples") && !errors.Is(err, audio.ErrNoSamples) {
				t.Error("not audio.ErrNoSamples")
			}
		})
	}
}
