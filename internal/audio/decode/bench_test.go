package decode_test

import (
	"bytes"
	"testing"

	"sensevoice/internal/audio/decode"
)

// BenchmarkDecode decodes a clip of 2.93 s to mono at 16 kHz.
func BenchmarkDecode(b *testing.B) {
	for _, e := range []struct{ name, write string }{
		{"wav_44k1_stereo", "ffmpeg -i CLIP -ac 2 -ar 44100 -f wav OUT"},
		{"flac_44k1_stereo", "ffmpeg -i CLIP -ac 2 -ar 44100 -f flac OUT"},
		{"flac_16k", "ffmpeg -i CLIP -f flac OUT"},
		{"vorbis_44k1_stereo", "ffmpeg -i CLIP -ac 2 -ar 44100 -c:a libvorbis -f ogg OUT"},
		{"opus_speech", "opusenc --quiet --bitrate 24 --speech CLIP OUT"},
		{"opus_stereo", "ffmpeg -i CLIP -ac 2 -c:a libopus -b:a 96k -f ogg OUT"},
		{"mp3_44k1_stereo", "ffmpeg -i CLIP -ac 2 -ar 44100 -c:a libmp3lame -b:a 128k -f mp3 OUT"},
	} {
		b.Run(e.name, func(b *testing.B) {
			file := run(b, e.write, nil)
			b.ReportAllocs()
			for b.Loop() {
				decodeAll(b, bytes.NewReader(file), decode.Options{FFmpeg: "none"})
			}
			b.ReportMetric(2.93*float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
