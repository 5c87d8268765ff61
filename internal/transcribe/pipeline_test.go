package transcribe

import (
	"io"
	"testing"

	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
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

func releasedVAD(t testing.TB) *vad.Model {
	t.Helper()
	kernels, err := kernel.Select("auto")
	if err != nil {
		t.Fatal(err)
	}
	m, err := vad.Open(golden.Reference(t, "fsmn-vad", "model.pt"), kernels)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fastest() kernel.ISA { return kernel.Available()[len(kernel.Available())-1] }

func TestClipsThroughPipeline(t *testing.T) {
	p := NewPipeline(recognizer(t, fastest(), 2), releasedVAD(t))
	for _, mode := range []Mode{VADOn, VADOff} {
		for _, merge := range []bool{false, true} {
			for _, c := range clips(t) {
				o := DefaultPipelineOptions()
				o.VAD = mode
				if !merge {
					o.MergeLength = 0
				}
				src := samples(c.samples)
				r, err := p.Transcribe(t.Context(), c.File, &src, o, 0)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s %d segments", c.File, len(r.Segments))
				for _, s := range r.Segments {
					t.Logf("   %.2f-%.2f %s", s.Start, s.End, s.RawText)
				}
				for _, s := range r.Skipped {
					t.Logf("   skipped %.2f-%.2f %s", s.Start, s.End, s.Reason)
				}
				if got := transcript.Clean(r.RawText); got != c.WoITN || r.Language != c.Language {
					t.Errorf("%s: %s %q, want %s %q", c.File, r.Language, got, c.Language, c.WoITN)
				}
			}
		}
	}
}
