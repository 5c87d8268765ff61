package transcribe

import (
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcript"
)

// loop is a source that repeats a recording.
type loop struct {
	sound []float32
	at    int
	left  int64 // samples
}

func (l *loop) Read(dst []float32) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := copy(dst[:min(int64(len(dst)), l.left)], l.sound[l.at:])
	l.at = (l.at + n) % len(l.sound)
	l.left -= int64(n)
	return n, nil
}

// talk is a recording with pauses, and then nearly a minute without any.
func talk(t *testing.T) []float32 {
	t.Helper()
	sound := slices.Clone(phrases(t))
	for _, c := range clips(t) {
		if c.File == "digits.wav" {
			for range 8 {
				sound = append(sound, c.samples...)
			}
		}
	}
	return sound
}

// TestThreeHours runs hours of sound through the pipeline: memory does not grow, and work is proportional to length.
func TestThreeHours(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED in short mode: hours of sound")
	}
	for mode, length := range map[Mode]time.Duration{VADOff: 3 * time.Hour, VADOn: 10 * time.Minute} {
		decoder := &echo{}
		p, o := NewPipeline(decoder, openVAD(t, "embedded")), DefaultPipelineOptions()
		o.VAD = mode
		var heap []uint64
		emitted := 0
		last := transcript.Seconds(0)
		summary, err := p.Run(t.Context(), &loop{sound: talk(t), left: samplesOf(length)}, o, func(s transcript.Segment) error {
			if s.Start < last || s.End <= s.Start {
				t.Errorf("a segment from %v to %v after %v", s.Start, s.End, last)
			}
			last = s.End
			if emitted++; emitted%20 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				heap = append(heap, m.HeapAlloc)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if summary.Duration != length || len(heap) < 2 {
			t.Fatalf("mode %v: %v, %d measurements", mode, summary.Duration, len(heap))
		}
		share := float64(decoder.samples) / float64(samplesOf(length))
		t.Logf("mode %v: %d clips in %d batches, %.3f of the sound recognised, heap %d KB, then at most %d KB",
			mode, decoder.clips, decoder.calls, share, heap[0]>>10, slices.Max(heap)>>10)
		if slices.Max(heap) > heap[0]+8<<20 {
			t.Errorf("mode %v: the heap grows: %d", mode, heap)
		}
		if !(share > 0.5 && share < 1.1) || decoder.most > 30*audio.SampleRate || decoder.largest > 60*audio.SampleRate {
			t.Errorf("mode %v: %+v", mode, decoder)
		}
	}
}
