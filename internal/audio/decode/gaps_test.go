package decode_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"sensevoice/internal/audio/decode"
)

// pieces cuts a file at each place where a mark begins.
func pieces(file []byte, mark string) (list [][]byte) {
	for len(file) > 0 {
		next := bytes.Index(file[1:], []byte(mark))
		if next < 0 {
			return append(list, file)
		}
		list = append(list, file[:next+1])
		file = file[next+1:]
	}
	return list
}

// TestGapsAreSilence: what is missing in the middle leaves the rest at its time.
func TestGapsAreSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	tests := []struct {
		name, write, mark string
		hurt              func(parts [][]byte)
	}{
		{"Opus page lost", "ffmpeg -i CLIP -c:a libopus -page_duration 200000 -f ogg OUT", "OggS", func(p [][]byte) { p[8] = nil }},
		{"Opus page damaged", "ffmpeg -i CLIP -c:a libopus -page_duration 200000 -f ogg OUT", "OggS", func(p [][]byte) { p[8][60] ^= 1 }},
		{"Vorbis page lost", "ffmpeg -i CLIP -c:a libvorbis -page_duration 200000 -f ogg OUT", "OggS", func(p [][]byte) { p[8] = nil }},
		{"Vorbis page damaged", "ffmpeg -i CLIP -c:a libvorbis -page_duration 200000 -f ogg OUT", "OggS", func(p [][]byte) { p[8][60] ^= 1 }},
		{"WebM cluster lost", "ffmpeg -i CLIP -c:a libopus -f webm -live 1 -cluster_time_limit 300 -", "\x1f\x43\xb6\x75", func(p [][]byte) { p[4] = nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := run(t, test.write, nil)
			want, _ := decodeAll(t, bytes.NewReader(file), decode.Options{})
			parts := pieces(bytes.Clone(file), test.mark)
			for i := range parts {
				parts[i] = bytes.Clone(parts[i])
			}
			test.hurt(parts)
			got, damage, err := try(t.Context(), bytes.Join(parts, nil), decode.Options{})
			if err != nil || damage == nil || math.Abs(float64(len(got)-len(want))) > 16 {
				t.Fatalf("%d samples of %d, damage %v, %v", len(got), len(want), damage, err)
			}
			quiet, tail := 0, len(got)-8000
			for _, x := range got {
				if x == 0 {
					quiet++
				}
			}
			t.Logf("%v; %d samples of silence", damage, quiet)
			if db := ratio(got[tail:], want[tail:len(got)]); !(db > 20) || quiet < 1000 {
				t.Errorf("the last half second is at %.1f dB, %d samples of silence", db, quiet)
			}
		})
	}
}

// TestChainedStreams: broadcasts are recordings one after the other.
func TestChainedStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a few processes")
	}
	for _, codec := range []string{"libopus", "libvorbis"} {
		file := run(t, "ffmpeg -i CLIP -c:a "+codec+" -f ogg OUT", nil)
		one, _ := decodeAll(t, bytes.NewReader(file), decode.Options{Rate: 48000})
		two, s := decodeAll(t, bytes.NewReader(slices.Concat(file, file)), decode.Options{Rate: 48000})
		if s.Damage() != nil || len(two) != 2*len(one) {
			t.Fatalf("%s: %d samples, want twice %d, damage %v", codec, len(two), len(one), s.Damage())
		}
		if codec == "libopus" && !slices.Equal(two, slices.Concat(one, one)) {
			t.Errorf("%s: the second recording is another than the first", codec)
		}
	}
}

// TestOtherTracks: beside the sound may be pictures, and other sound.
func TestOtherTracks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a few processes")
	}
	const picture = "ffmpeg -f lavfi -i testsrc=size=160x120:rate=5:duration=3 -i CLIP "
	for _, write := range []string{
		picture + "-c:v libvpx -c:a libopus -f webm OUT",
		picture + "-c:v mpeg4 -c:a libvorbis -f matroska OUT",
		picture + "-c:v libtheora -c:a libopus -f ogg OUT",
		"ffmpeg -i CLIP -map 0:a -map 0:a -c:a libopus -f ogg OUT",
	} {
		got, s := decodeAll(t, bytes.NewReader(run(t, write, nil)), decode.Options{FFmpeg: "none"})
		if s.Damage() != nil || math.Abs(float64(len(got)-46880)) > 400 { // Matroska does not say where Vorbis ends
			t.Errorf("%s: %d samples, damage %v", write, len(got), s.Damage())
		}
	}
}

// TestBroadcastFromTheMiddle: a recording that begins in the middle has no time of its own, and no gap before its beginning.
func TestBroadcastFromTheMiddle(t *testing.T) {
	file := run(t, "ffmpeg -i CLIP -c:a libopus -page_duration 200000 -f ogg OUT", nil)
	parts := pieces(file, "OggS")
	got, _, err := try(t.Context(), slices.Concat(parts[0], parts[1], bytes.Join(parts[6:], nil)), decode.Options{})
	if err != nil || len(got) < 20000 || len(got) > 36000 {
		t.Errorf("%d samples, %v", len(got), err)
	}
}
