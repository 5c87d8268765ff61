package modelstore

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const vadPath = "/models/iic/speech_fsmn_vad_zh-cn-16k-common-pytorch/resolve/master/"

// vadHub has FSMN-VAD in both forms.
func vadHub() *hub {
	return &hub{etag: `"v1"`, files: map[string][]byte{
		vadPath + "am.mvn":   content(300),
		vadPath + "model.pt": content(size),
		"/FunAudioLLM/fsmn-vad-GGUF/resolve/main/fsmn-vad.gguf": content(5000),
	}}
}

func (b *bench) pullVAD(ctx context.Context, from Hub) error {
	_, err := b.store.Pull(ctx, PullOptions{Model: "fsmn-vad", From: from})
	return err
}

func TestRepairFetchesOnlyWhatIsDamaged(t *testing.T) {
	onBench(t, vadHub(), func(t *testing.T, b *bench) {
		if err := b.pullVAD(t.Context(), ModelScope); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(b.store.modelDir("fsmn-vad"), "am.mvn"), 10); err != nil {
			t.Fatal(err)
		}
		b.total()
		if err := b.pullVAD(t.Context(), ModelScope); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "fsmn-vad", "am.mvn", content(300))
		b.holds(t, "fsmn-vad", "model.pt", content(size))
		if served := b.total(); served != 300 {
			t.Errorf("%d bytes served, want those of am.mvn", served)
		}
	})
}

// TestRepairResumesWithoutValidators relies on the checksum that the first pull recorded.
func TestRepairResumesWithoutValidators(t *testing.T) {
	onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(b.store.modelDir("model"), "model.gguf"), 10); err != nil {
			t.Fatal(err)
		}
		b.etag, b.ranges, b.script = "", nil, []answer{cut(1000), wrongRest, cut(2000)}
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "model", "model.gguf", content(size))
		if want := []string{"", "bytes=1000-", "", "bytes=2000-"}; !slices.Equal(b.ranges, want) {
			t.Errorf("ranges %q, want %q", b.ranges, want)
		}
	})
}

func TestChangeOfHubHalfway(t *testing.T) {
	h := vadHub()
	h.script = []answer{(*hub).serve, stall(1000)}
	onBench(t, h, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.pullVAD(ctx, ModelScope); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v, want %v", err, context.DeadlineExceeded)
		}
		if err := b.pullVAD(t.Context(), HuggingFace); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "fsmn-vad", "fsmn-vad.gguf", content(5000))
	})
}

// TestStateThatCannotBeTrusted damages what an interrupted pull left.
func TestStateThatCannotBeTrusted(t *testing.T) {
	damage := map[string]func(s *Store) error{
		"state":   func(s *Store) error { return os.WriteFile(s.stateFile("model"), []byte(`{"files":{"..":1}}`), 0o644) },
		"partial": func(s *Store) error { return os.Remove(filepath.Join(s.stageDir("model"), "model.gguf.partial")) },
		"tail": func(s *Store) error {
			f, err := os.OpenFile(filepath.Join(s.stageDir("model"), "model.gguf.partial"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(make([]byte, 5000)) // that nobody vouches for
			return errors.Join(err, f.Close())
		},
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			h := newHub(content(size))
			h.script = []answer{stall(1000)}
			onBench(t, h, func(t *testing.T, b *bench) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := b.pull(ctx, modelURL); err == nil {
					t.Fatal("no error")
				}
				if err := damage(b.store); err != nil {
					t.Fatal(err)
				}
				if _, err := b.pull(t.Context(), modelURL); err != nil {
					t.Fatal(err)
				}
				b.holds(t, "model", "model.gguf", content(size))
			})
		})
	}
}

func TestManifestRefuses(t *testing.T) {
	good := Manifest{Version: 1, Name: "a", Files: []File{{Name: "model.pt", Size: 1, SHA256: strings.Repeat("0f", 32), Trust: Released}}}
	tests := []struct {
		name  string
		spoil func(m *Manifest)
		err   string // "" if it is fine
	}{
		{"good", func(*Manifest) {}, ""},
		{"version", func(m *Manifest) { m.Version = 2 }, "a newer program wrote it"},
		{"name", func(m *Manifest) { m.Name = ".." }, "model name"},
		{"other name", func(m *Manifest) { m.Name = "b" }, `the manifest of "b", not of "a"`},
		{"no files", func(m *Manifest) { m.Files = nil }, "0 files"},
		{"many files", func(m *Manifest) { m.Files = slices.Repeat(m.Files, 65) }, "65 files"},
		{"twice", func(m *Manifest) { m.Files = slices.Repeat(m.Files, 2) }, "listed twice"},
		{"path", func(m *Manifest) { m.Files[0].Name = "../model.pt" }, "file name"},
		{"size", func(m *Manifest) { m.Files[0].Size = -1 }, "a size of -1"},
		{"checksum", func(m *Manifest) { m.Files[0].SHA256 = "abc" }, "no SHA-256"},
		{"trust", func(m *Manifest) { m.Files[0].Trust = "blind" }, "trust"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := good
			m.Files = slices.Clone(good.Files)
			test.spoil(&m)
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), manifestName)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = readManifest(path, "a")
			if test.err == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, test.err)
			if _, ok := errors.AsType[*FormatError](err); !ok {
				t.Errorf("error %T, want *FormatError", err)
			}
		})
	}
}
