package decode_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
)

// encodings are one clip in everything that is read, with what another program makes of it. A reference of WAV is read by ffmpeg too.
var encodings = []struct {
	name   string // as Format says
	write  string
	read   string  // gives float samples; empty: by ffmpeg
	least  float64 // dB; Inf: the samples are equal
	ffmpeg bool    // whether ffmpeg is what reads it
}{
	{name: "WAV", write: "ffmpeg -i CLIP -c:a pcm_u8 -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -ar 44100 -ac 2 -c:a pcm_s16le -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a pcm_s24le -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a pcm_s32le -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a pcm_f32le -rf64 always -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a pcm_f64le -f wav -", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -ar 8000 -c:a pcm_alaw -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -ar 8000 -c:a pcm_mulaw -f wav OUT", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a adpcm_ima_wav -f wav OUT", read: "sox -t wav - -t f32 -", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -ac 2 -c:a adpcm_ima_wav -f wav OUT", read: "sox -t wav - -t f32 -", least: math.Inf(1)},
	{name: "WAV", write: "ffmpeg -i CLIP -c:a adpcm_ms -f wav OUT", read: "sox -t wav - -t f32 -", least: math.Inf(1)},
	{name: "WAV", write: "sox CLIP -t wav -e ms-adpcm -c 2 OUT", read: "sox -t wav IN -t f32 - trim 0 46880s", least: math.Inf(1)},
	{name: "WAV", write: "sox CLIP -t wav -e ima-adpcm OUT", read: "sox -t wav IN -t f32 - trim 0 46880s", least: math.Inf(1)},
	{name: "FLAC", write: "flac -s -8 -o OUT CLIP", least: math.Inf(1)},
	{name: "FLAC", write: "flac -s -0 -c CLIP", least: math.Inf(1)}, // into a pipe: no length in the header
	{name: "FLAC", write: "ffmpeg -i CLIP -ac 2 -ar 48000 -sample_fmt s32 -bits_per_raw_sample 24 -f flac OUT", least: math.Inf(1)},
	{name: "FLAC", write: "ffmpeg -i CLIP -ac 6 -ar 8000 -f flac OUT", least: math.Inf(1)},
	{name: "Vorbis in Ogg", write: "oggenc -Q -q 5 -o OUT CLIP", least: 100},
	{name: "Vorbis in Ogg", write: "oggenc -Q -q 1 --resample 44100 -o OUT CLIP", least: 100},
	{name: "Vorbis in Ogg", write: "ffmpeg -i CLIP -ac 2 -ar 48000 -c:a libvorbis -f ogg OUT", least: 100},
	{name: "Vorbis in Ogg", write: "ffmpeg -i CLIP -ac 6 -c:a libvorbis -f ogg OUT", least: 100},
	{name: "Opus in Ogg", write: "opusenc --quiet --bitrate 24 CLIP OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "opusenc --quiet --bitrate 12 --speech CLIP OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "opusenc --quiet --bitrate 96 --music CLIP OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "opusenc --quiet --bitrate 24 --framesize 60 CLIP OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "opusenc --quiet --bitrate 64 --framesize 2.5 CLIP OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "ffmpeg -i CLIP -ac 2 -c:a libopus -b:a 48k -f ogg OUT", read: opusdec, least: 45},
	{name: "Opus in Ogg", write: "ffmpeg -i CLIP -ac 6 -c:a libopus -b:a 192k -mapping_family 1 -f ogg OUT", read: opusdec, least: 45},
	{name: "Opus in WebM", write: "ffmpeg -i CLIP -c:a libopus -f webm OUT", read: webmOpus, least: 45},
	{name: "Opus in WebM", write: "ffmpeg -i CLIP -c:a libopus -f webm -live 1 -", read: webmOpus, least: 45},
	{name: "Opus in WebM", write: "ffmpeg -i CLIP -ac 2 -c:a libopus -f matroska OUT", read: webmOpus, least: 45},
	{name: "Vorbis in WebM", write: "ffmpeg -i CLIP -ar 44100 -c:a libvorbis -f webm OUT", least: 100},
	{name: "MP3", write: "ffmpeg -i CLIP -c:a libmp3lame -b:a 64k -f mp3 OUT", least: 60, ffmpeg: true},
	{name: "MP4", write: "ffmpeg -i CLIP -c:a aac -f mp4 OUT", least: 100, ffmpeg: true},
	{name: "MP4", write: "ffmpeg -i CLIP -c:a aac -f mp4 -movflags faststart OUT", least: 100, ffmpeg: true},
	{name: "MP4", write: "ffmpeg -f lavfi -i testsrc=size=160x120:rate=5:duration=2 -i CLIP -shortest -c:v mpeg4 -c:a aac -f mp4 OUT", least: 100, ffmpeg: true},
	{name: "AAC", write: "ffmpeg -i CLIP -c:a aac -f adts OUT", least: 100, ffmpeg: true},
	{name: "AIFF", write: "ffmpeg -i CLIP -f aiff OUT", least: math.Inf(1), ffmpeg: true},
	{name: "AU", write: "ffmpeg -i CLIP -f au OUT", least: math.Inf(1), ffmpeg: true},
	{name: "CAF", write: "ffmpeg -i CLIP -f caf OUT", least: math.Inf(1), ffmpeg: true},
	{name: "Wave64", write: "ffmpeg -i CLIP -f w64 OUT", least: math.Inf(1), ffmpeg: true},
	{name: "WMA", write: "ffmpeg -i CLIP -c:a wmav2 -f asf OUT", least: 100, ffmpeg: true},
	{name: "AVI", write: "ffmpeg -i CLIP -c:a ac3 -f avi OUT", least: 100, ffmpeg: true},
	{name: "MPEG-TS", write: "ffmpeg -i CLIP -c:a aac -f mpegts OUT", least: 100, ffmpeg: true},
	{name: "FLV", write: "ffmpeg -i CLIP -ar 44100 -c:a aac -f flv OUT", least: 100, ffmpeg: true},
	{name: "AC-3", write: "ffmpeg -i CLIP -ar 48000 -c:a ac3 -f ac3 OUT", least: 100, ffmpeg: true},
	{name: "MP3", write: "ffmpeg -i CLIP -c:a mp2 -f mp2 OUT", least: 100, ffmpeg: true},
	{name: "Ogg", write: "ffmpeg -i CLIP -c:a libspeex -f ogg OUT", least: 100, ffmpeg: true},
	{name: "WAV", write: "ffmpeg -i CLIP -ar 8000 -c:a libgsm_ms -f wav OUT", least: 100, ffmpeg: true},
	{name: "WebM", write: "ffmpeg -i CLIP -c:a flac -f matroska OUT", least: math.Inf(1), ffmpeg: true},
	{name: "Ogg", write: "ffmpeg -i CLIP -c:a flac -f ogg OUT", least: math.Inf(1), ffmpeg: true},
	{name: "WAV", write: "ffmpeg -i CLIP -ar 8000 -c:a adpcm_g726 -f wav OUT", least: math.Inf(1), ffmpeg: true},
}

const (
	opusdec  = "opusdec --quiet --force-wav --float --rate 48000 - OUT"
	webmOpus = "ffmpeg -c:a libopus -i - -f f32le -"
)

func TestEveryEncoding(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some hundred processes")
	}
	for _, e := range encodings {
		t.Run(e.write, func(t *testing.T) {
			t.Parallel()
			file := run(t, e.write, nil)
			read := e.read
			if read == "" {
				read = "ffmpeg -i - -f f32le -"
			}
			want := run(t, read, file)
			if e.read == opusdec {
				want = run(t, "ffmpeg -f wav -i - -f f32le -", want)
			}
			compare(t, file, floats(want), decode.Options{}, e.name, e.least)
			if e.ffmpeg && e.name != "MP3" {
				if _, _, err := try(t.Context(), file, decode.Options{FFmpeg: "none"}); !errors.Is(err, audio.ErrUnsupported) {
					t.Errorf("without ffmpeg: %v", err)
				}
			}
		})
	}
}

// compare decodes a file at its own rate and compares every channel.
func compare(t *testing.T, file []byte, want []float32, o decode.Options, name string, least float64) {
	t.Helper()
	probe, err := decode.Open(t.Context(), bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	info := probe.Format()
	probe.Close()
	o.Channels, o.Rate = decode.Each, info.Rate
	got, s := decodeAll(t, bytes.NewReader(file), o)
	if info.Name != name {
		t.Errorf("read as %q, want %q", info.Name, name)
	}
	if s.Damage() != nil {
		t.Errorf("damage: %v", s.Damage())
	}
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d samples of %d channels at %d Hz, want %d", len(got), info.Channels, info.Rate, len(want))
	}
	db := ratio(got, want)
	t.Logf("%.1f dB over %d samples", db, len(got))
	if !(db >= least) {
		t.Errorf("%.1f dB, want %.0f", db, least)
	}
}

// TestAMR reads a second of frames at 12.2 kbit/s, since encoders of AMR are rare.
func TestAMR(t *testing.T) {
	run(t, "ffmpeg -version", nil)
	frame := append([]byte{0x3c}, make([]byte, 31)...)
	file := append([]byte("#!AMR\n"), bytes.Repeat(frame, 50)...)
	samples, s := decodeAll(t, bytes.NewReader(file), decode.Options{})
	if len(samples) != 16000 || s.Format().Name != "AMR" || s.Format().Rate != 8000 {
		t.Errorf("%d samples of %+v", len(samples), s.Format())
	}
}

// TestMP3WithoutFFmpeg compares our own reading of MP3 with ffmpeg's, which leaves out what the encoder has added too.
func TestMP3WithoutFFmpeg(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	for _, options := range []string{
		"-b:a 64k", "-ac 2 -ar 44100 -b:a 128k", "-ac 2 -joint_stereo 0 -ar 48000 -b:a 96k", "-ar 24000 -q:a 5", "-ar 22050 -ac 2 -q:a 2",
		"-ar 32000 -b:a 320k -id3v2_version 3 -metadata title=x -write_id3v1 1", "-b:a 64k -write_xing 0",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			file := run(t, "ffmpeg -i CLIP -c:a libmp3lame "+options+" -f mp3 OUT", nil)
			want := run(t, "ffmpeg -i IN -f f32le -", file)
			compare(t, file, floats(want), decode.Options{FFmpeg: "none"}, "MP3", 50)
		})
	}
}
