package transcribe

import (
	"io"
	"testing"

	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

// samples is a source.
type samples []float32

func (s *samples) Read(dst []float32) (int, error) {
	if len(*s) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, *s)
	*s = (*s)[n:]
	return n, nil
}

func fastest() kernel.ISA { return kernel.Available()[len(kernel.Available())-1] }

// openVAD opens a network for voice detection: "embedded" or "released".
func openVAD(t testing.TB, name string) *vad.Model {
	t.Helper()
	if name == "released" {
		name = golden.Reference(t, "fsmn-vad", "model.pt")
	}
	store, err := modelstore.New(t.TempDir(), modelstore.Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := kernel.Select("auto")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := OpenVAD(store, name, kernels)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestClipsThroughPipeline recognises every recording exactly, however its segments are found.
func TestClipsThroughPipeline(t *testing.T) {
	recognizer := recognizer(t, fastest(), 2)
	for _, network := range []string{"embedded", "released"} {
		for _, mode := range []Mode{VADOn, VADOff} {
			for _, merge := range []bool{false, true} {
				t.Run(network+map[Mode]string{VADOff: " off"}[mode]+map[bool]string{true: " merged"}[merge], func(t *testing.T) {
					p, o := NewPipeline(recognizer, openVAD(t, network)), DefaultPipelineOptions()
					o.VAD = mode
					if !merge {
						o.MergeLength = 0
					}
					for _, c := range clips(t) {
						throughPipeline(t, p, o, &c)
					}
				})
			}
		}
	}
}

func throughPipeline(t *testing.T, p *Pipeline, o PipelineOptions, c *clip) {
	t.Helper()
	src := samples(c.samples)
	r, err := p.Transcribe(t.Context(), c.File, &src, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := transcript.Clean(r.RawText); got != c.WoITN || r.Language != c.Language {
		t.Errorf("%s: %s %q, want %s %q", c.File, r.Language, got, c.Language, c.WoITN)
	}
	if c.File == "phrases.wav" && o.VAD == VADOn && len(r.Segments) != 7 {
		t.Errorf("%s: %d segments, want one for each phrase", c.File, len(r.Segments))
	}
	checkTimes(t, r.Segments)
	checkCover(t, r)
	for _, s := range r.Segments {
		alone, _, err := p.decoder.Recognize(t.Context(), []Clip{{Samples: c.samples[sample(s.Start):sample(s.End)]}})
		if err != nil {
			t.Fatal(err)
		}
		if alone[0].RawText != s.RawText {
			t.Errorf("%s from %v: %q, alone %q", c.File, s.Start, s.RawText, alone[0].RawText)
		}
	}
}

func sample(s transcript.Seconds) int { return int(float64(s)*16000 + 0.5) }

// checkCover holds that segments and skipped ranges cover the recording, each moment once.
func checkCover(t *testing.T, r *transcript.Result) {
	t.Helper()
	at := transcript.Seconds(0)
	segments, skipped := r.Segments, r.Skipped
	next := func(start, end transcript.Seconds) {
		if d := start - at; !(d <= 0.0005 && d >= -0.0005) {
			t.Errorf("%s: what follows %v begins at %v", r.File, at, start)
		}
		at = end
	}
	for len(segments)+len(skipped) > 0 {
		if len(skipped) == 0 || len(segments) > 0 && segments[0].Start < skipped[0].Start {
			next(segments[0].Start, segments[0].End)
			segments = segments[1:]
		} else {
			next(skipped[0].Start, skipped[0].End)
			skipped = skipped[1:]
		}
	}
	next(r.Duration, at)
}
