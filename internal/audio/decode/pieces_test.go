package decode_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"sensevoice/internal/audio/decode"
)

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
