package modelstore

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPullResumesAfterCancel(t *testing.T) {
	data := content(size)
	tests := []struct {
		name   string
		change func(h *hub)
		served int64 // in the second pull, and up to so many more
		more   int64
	}{
		{"unchanged", func(*hub) {}, size - 1000, 0},
		{"other ETag", func(h *hub) { h.etag = `"v2"` }, size, 0},
		{"other ETag and If-Range ignored", func(h *hub) {
			h.etag = `"v2"`
			h.script = []answer{func(h *hub, w http.ResponseWriter, r *http.Request) {
				r.Header.Del("If-Range")
				h.serve(w, r)
			}}
		}, size, size - 1000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(data)
			h.script = []answer{stall(1000)}
			onBench(t, h, func(t *testing.T, b *bench) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				_, err := b.pull(ctx, modelURL)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("error %v, want %v", err, context.DeadlineExceeded)
				}
				wantError(t, err, "pull again to resume")
				b.lacks(t, "model")
				list, err := b.store.List()
				if err != nil || len(list) != 1 || list[0].Partial != 1000 {
					t.Errorf("list: %+v, %v; want a model of which 1000 bytes are there", list, err)
				}
				b.total()
				test.change(h)
				if _, err := b.pull(t.Context(), modelURL); err != nil {
					t.Fatal(err)
				}
				b.holds(t, "model", "model.gguf", data)
				// Of a rest that is not wanted, some may be on its way before the client hangs up.
				if served := b.total(); served < test.served || served > test.served+test.more {
					t.Errorf("%d bytes served, want %d", served, test.served)
				}
			})
		})
	}
}

func TestPullResumesByLastModified(t *testing.T) {
	data := content(size)
	dated := func(k int) answer {
		return func(h *hub, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Last-Modified", "Fri, 01 Jan 1999 00:00:00 GMT")
			cut(k)(h, w, r)
		}
	}
	h := newHub(data)
	h.etag, h.script = "", []answer{dated(1000), dated(size)}
	onBench(t, h, func(t *testing.T, b *bench) {
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "model", "model.gguf", data)
		if want := []string{"", "bytes=1000-"}; !slices.Equal(b.ranges, want) {
			t.Errorf("ranges %q, want %q", b.ranges, want)
		}
	})
}

// TestPullGivesUpOnCircles has a server that always breaks at the same place, whatever happens before.
func TestPullGivesUpOnCircles(t *testing.T) {
	data := content(3 << 20)
	h := newHub(data)
	for range 100 {
		h.script = append(h.script, cut(2<<20), status(416))
	}
	onBench(t, h, func(t *testing.T, b *bench) {
		_, err := b.pull(t.Context(), modelURL)
		wantError(t, err, "given up")
		b.lacks(t, "model")
	})
}

func TestPullOfWholeModelStaysOffline(t *testing.T) {
	data := content(size)
	onBench(t, newHub(data), func(t *testing.T, b *bench) {
		for range 2 {
			if _, err := b.pull(t.Context(), modelURL); err != nil {
				t.Fatal(err)
			}
		}
		if len(b.ranges) != 1 {
			t.Errorf("%d requests, want 1", len(b.ranges))
		}
		if !b.agents["sensevoice/test"] || len(b.agents) != 1 {
			t.Errorf("user agents %v", b.agents)
		}
		last := b.progress[len(b.progress)-1]
		if want := (Progress{Action: "verify", File: "model.gguf", Index: 1, Files: 1, Done: size, Total: size}); last != want {
			t.Errorf("last progress %+v, want %+v", last, want)
		}
	})
}

func TestPullRepairs(t *testing.T) {
	data := content(size)
	damage := map[string]func(dir string) error{
		"byte": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "model.gguf"), content(size + 1)[:size], 0o644)
		},
		"short":    func(dir string) error { return os.Truncate(filepath.Join(dir, "model.gguf"), 10) },
		"missing":  func(dir string) error { return os.Remove(filepath.Join(dir, "model.gguf")) },
		"manifest": func(dir string) error { return os.WriteFile(filepath.Join(dir, manifestName), []byte("{]"), 0o644) },
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			onBench(t, newHub(data), func(t *testing.T, b *bench) {
				if _, err := b.pull(t.Context(), modelURL); err != nil {
					t.Fatal(err)
				}
				if err := damage(b.store.modelDir("model")); err != nil {
					t.Fatal(err)
				}
				err := b.store.Verify(t.Context(), "model", nil)
				wantError(t, err, "sensevoice model pull model")
				list, err := b.store.List()
				if err != nil || len(list) != 1 || (list[0].Err == nil) != (name == "byte") {
					t.Errorf("list: %+v, %v", list, err)
				}
				if _, err := b.pull(t.Context(), modelURL); err != nil {
					t.Fatal(err)
				}
				b.holds(t, "model", "model.gguf", data)
			})
		})
	}
}

func TestPullNoticesExchangedFile(t *testing.T) {
	onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(b.store.modelDir("model"), "model.gguf"), 10); err != nil {
			t.Fatal(err)
		}
		b.files["/some/model.gguf"] = content(size + 1)[:size]
		_, err := b.pull(t.Context(), modelURL)
		digest, ok := errors.AsType[*DigestError](err)
		if !ok || digest.Want != sumOf(content(size)) {
			t.Errorf("error %v, want one about the checksum", err)
		}
	})
}

// fullDisk fails all writes when so many bytes have been written.
type fullDisk struct {
	partialFile
	left int
}

func (f *fullDisk) Write(p []byte) (int, error) {
	n, err := f.partialFile.Write(p[:min(len(p), f.left)])
	f.left -= n
	if err == nil && n < len(p) {
		err = &os.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return n, err
}

func TestPullOnFullDisk(t *testing.T) {
	data := content(size)
	onBench(t, newHub(data), func(t *testing.T, b *bench) {
		b.store.openPartial = func(path string) (partialFile, error) {
			f, err := openPartialFile(path)
			return &fullDisk{f, 50_000}, err
		}
		_, err := b.pull(t.Context(), modelURL)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want %v", err, syscall.ENOSPC)
		}
		b.lacks(t, "model")
		if len(b.ranges) != 1 {
			t.Errorf("%d requests, want 1: asking again makes no room", len(b.ranges))
		}
		b.store.openPartial = openPartialFile
		b.total()
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "model", "model.gguf", data)
		if served := b.total(); served != size-50_000 {
			t.Errorf("%d bytes served, want the rest", served)
		}
	})
}

func TestPullWithoutSpace(t *testing.T) {
	for model, requests := range map[string]int{modelURL: 1, "sensevoice-small": 0} {
		onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
			b.store.freeSpace = func(string) (int64, bool) { return size - 1, true }
			_, err := b.pull(t.Context(), model)
			if _, ok := errors.AsType[*SpaceError](err); !ok {
				t.Errorf("%s: error %v, want one about space", model, err)
			}
			if len(b.ranges) != requests {
				t.Errorf("%s: %d requests, want %d", model, len(b.ranges), requests)
			}
		})
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPullFollowsNoRedirectFromHTTPSToHTTP(t *testing.T) {
	store, err := New(t.TempDir(), Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	store.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 302, Header: http.Header{"Location": {"http://hub/model.gguf"}}, Body: http.NoBody, Request: r,
		}, nil
	})
	_, err = store.Pull(t.Context(), PullOptions{Model: "https://hub/model.gguf"})
	wantError(t, err, "a redirect from https to unprotected http://hub/model.gguf")
}

func TestPullOfKnownModels(t *testing.T) {
	gguf, mvn := content(5000), content(300)
	h := &hub{etag: `"v1"`, files: map[string][]byte{
		"/FunAudioLLM/SenseVoiceSmall-GGUF/resolve/main/sensevoice-small-q8.gguf":        gguf,
		"/FunAudioLLM/SenseVoiceSmall/resolve/main/am.mvn":                               mvn,
		"/models/iic/speech_fsmn_vad_zh-cn-16k-common-pytorch/resolve/master/am.mvn":     mvn,
		"/models/iic/speech_fsmn_vad_zh-cn-16k-common-pytorch/resolve/master/model.pt":   gguf,
		"/FunAudioLLM/SenseVoiceSmall/resolve/main/config.yaml":                          mvn,
		"/FunAudioLLM/SenseVoiceSmall/resolve/main/chn_jpn_yue_eng_ko_spectok.bpe.model": mvn,
	}}
	onBench(t, h, func(t *testing.T, b *bench) {
		if _, err := b.pull(t.Context(), "FunAudioLLM/SenseVoiceSmall-GGUF"); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "sensevoice-small-q8", "sensevoice-small-q8.gguf", gguf)
		b.holds(t, "sensevoice-small-q8", "am.mvn", mvn)
		if _, err := b.store.Pull(t.Context(), PullOptions{Model: "fsmn-vad", From: ModelScope}); err != nil {
			t.Fatal(err)
		}
		b.holds(t, "fsmn-vad", "model.pt", gguf)

		// A file that is not the released one is refused by its size, and an optional one may be missing.
		_, err := b.pull(t.Context(), "sensevoice-small")
		wantError(t, err, "300 bytes, not the 377341")
		if !strings.HasSuffix(b.paths[len(b.paths)-4], "configuration.json") {
			t.Errorf("asked for %q", b.paths)
		}
		b.lacks(t, "sensevoice-small")
	})
}
