package transcribe

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/token"
	"sensevoice/internal/transcript"
)

// clip is one of the repository's recordings and what is said in it.
type clip struct {
	File, Language string
	WoITN          string `json:"woitn"`
	WithITN        string `json:"withitn"`

	samples []float32
}

func (c *clip) want(itn bool) string {
	if itn {
		return c.WithITN
	}
	return c.WoITN
}

// clips reads testdata/clips.json and the recordings it lists.
func clips(t *testing.T) []clip {
	t.Helper()
	dir := filepath.Join(golden.Root(), "testdata")
	data, err := os.ReadFile(filepath.Join(dir, "clips.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []clip
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("only %d clips", len(list))
	}
	for i := range list {
		f, err := os.Open(filepath.Join(dir, list[i].File))
		if err != nil {
			t.Fatal(err)
		}
		list[i].samples, err = wav.Decode(f, 60*audio.SampleRate)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// recognizer makes one with the embedded model.
func recognizer(t *testing.T, isa kernel.ISA, threads int) *Recognizer {
	t.Helper()
	store, err := modelstore.New(t.TempDir(), modelstore.Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	model, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := kernel.Select(isa.String())
	if err != nil {
		t.Fatal(err)
	}
	e, err := cpu.New(kernels, threads)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRecognizer(model, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		model.Close()
	})
	return r
}

// TestClips recognises every recording exactly, alone and all together, in both text norms, on every instruction set.
func TestClips(t *testing.T) {
	list := clips(t)
	for _, isa := range kernel.Available() {
		for _, itn := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/itn=%v", isa, itn), func(t *testing.T) {
				r := recognizer(t, isa, 2)
				all := make([]Clip, len(list))
				for i, c := range list {
					all[i] = Clip{Samples: c.samples, Options: Options{ITN: itn}}
				}
				together, _, err := r.Recognize(t.Context(), all)
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range list {
					alone, _, err := r.Recognize(t.Context(), all[i:i+1])
					if err != nil {
						t.Fatal(err)
					}
					check(t, &c, &alone[0], itn)
					if a, b := marshal(t, alone[0]), marshal(t, together[i]); a != b {
						t.Errorf("%s: alone and in a batch differ:\n%s\n%s", c.File, a, b)
					}
				}
			})
		}
	}
}

func check(t *testing.T, c *clip, s *transcript.Segment, itn bool) {
	t.Helper()
	if got := transcript.Clean(s.RawText); got != c.want(itn) || s.Language != c.Language {
		t.Errorf("%s: %s %q, want %s %q", c.File, s.Language, got, c.Language, c.want(itn))
	}
	last := transcript.Seconds(0)
	for _, token := range s.Tokens {
		if !(token.Start >= last && token.End >= token.Start && token.End <= s.End && token.LogProb <= 0) {
			t.Errorf("%s: token %+v after %v in a segment to %v", c.File, token, last, s.End)
		}
		last = token.Start
	}
}

func marshal(t *testing.T, s transcript.Segment) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestLanguageIsAHint gives the true language for every clip: the words stay the same.
func TestLanguageIsAHint(t *testing.T) {
	r := recognizer(t, kernel.Available()[len(kernel.Available())-1], 1)
	for _, c := range clips(t) {
		if c.Language == string(token.NoSpeech) {
			continue
		}
		got, _, err := r.Recognize(t.Context(), []Clip{{Samples: c.samples, Options: Options{Language: token.Language(c.Language)}}})
		if err != nil {
			t.Fatal(err)
		}
		check(t, &c, &got[0], false)
	}
}

// TestManyAtOnce lets goroutines share a recognizer and looks for answers that reached the wrong one.
func TestManyAtOnce(t *testing.T) {
	list := clips(t)
	r := recognizer(t, kernel.Available()[len(kernel.Available())-1], 2)
	var work sync.WaitGroup
	for worker := range 8 {
		work.Go(func() {
			for round := range 4 {
				c := list[(worker*3+round*5)%len(list)]
				itn := (worker+round)%2 == 1
				got, _, err := r.Recognize(t.Context(), []Clip{{Samples: c.samples, Options: Options{ITN: itn}}})
				if err != nil {
					t.Error(err)
					return
				}
				if text := transcript.Clean(got[0].RawText); text != c.want(itn) {
					t.Errorf("worker %d got %q for %s, want %q", worker, text, c.File, c.want(itn))
				}
			}
		})
	}
	work.Wait()
}

// TestTooShort refuses what has not one frame, wherever it stands in a batch.
func TestTooShort(t *testing.T) {
	r := recognizer(t, kernel.Portable, 1)
	_, _, err := r.Recognize(t.Context(), []Clip{{Samples: make([]float32, 400)}, {Samples: make([]float32, 399)}})
	if err == nil || err.Error() != "too short to hold speech: less than 25 ms of sound (0.02494 s)" {
		t.Errorf("399 samples: %v", err)
	}
}
