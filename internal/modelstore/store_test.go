package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestConcurrentPulls(t *testing.T) {
	data := content(size)
	onBench(t, newHub(data), func(t *testing.T, b *bench) {
		var pulls sync.WaitGroup
		for range 4 {
			pulls.Go(func() {
				if _, err := b.store.Pull(t.Context(), PullOptions{Model: modelURL}); err != nil {
					t.Error(err)
				}
			})
		}
		pulls.Wait()
		b.holds(t, "model", "model.gguf", data)
		if served := b.total(); served != size {
			t.Errorf("%d bytes served, want %d: once", served, size)
		}
	})
}

func TestLockedModel(t *testing.T) {
	h := newHub(content(size))
	h.script = []answer{stall(1000)}
	onBench(t, h, func(t *testing.T, b *bench) {
		unlock, err := b.store.tryLock("model")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(b.store.modelDir("model"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := b.store.Remove("model"); !errors.Is(err, ErrBusy) {
			t.Errorf("remove: %v, want %v", err, ErrBusy)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*lockInterval)
		defer cancel()
		if _, err := b.pull(ctx, modelURL); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("pull: %v, want %v", err, context.DeadlineExceeded)
		}
		if len(b.messages) != 1 || !strings.Contains(b.messages[0], "waiting") {
			t.Errorf("messages %q, want one about waiting", b.messages)
		}
		unlock()
		if err := b.store.Remove("model"); err != nil {
			t.Error(err)
		}
		b.lacks(t, "model")
	})
}

// child starts this test binary as a process that pulls.
func child(t *testing.T, home, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childHome+"="+home, childURL+"="+url, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestTwoProcesses(t *testing.T) {
	h := newHub(content(size))
	server := httptest.NewServer(h)
	defer server.Close()
	home := t.TempDir()
	first, second := child(t, home, server.URL+"/some/model.gguf"), child(t, home, server.URL+"/some/model.gguf")
	for _, cmd := range []*exec.Cmd{first, second} {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	store, err := New(home, Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	(&bench{hub: h, store: store}).holds(t, "model", "model.gguf", content(size))
	server.Close()
	if served := h.total(); served != size {
		t.Errorf("%d bytes served, want %d: once", served, size)
	}
}

// TestProxy runs in a process of its own, since net/http reads the proxy's variables once.
func TestProxy(t *testing.T) {
	h := newHub(content(size))
	proxy := httptest.NewServer(h)
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	home := t.TempDir()
	if err := child(t, home, "http://nowhere.invalid/some/model.gguf").Wait(); err != nil {
		t.Error(err)
	}
	store, err := New(home, Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	(&bench{hub: h, store: store}).holds(t, "model", "model.gguf", content(size))
}

// TestKilledProcess kills a pull without warning, beyond its first checkpoint, and resumes it.
func TestKilledProcess(t *testing.T) {
	const whole, reached = checkpointBytes + 3<<20, checkpointBytes + 2<<20
	data := content(whole)
	h := newHub(data)
	server := httptest.NewServer(h)
	defer server.Close()
	home := t.TempDir()
	t.Setenv(childDiesAt, strconv.Itoa(reached))
	if err := child(t, home, server.URL+"/some/model.gguf").Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	store, err := New(home, Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{hub: h, store: store}
	b.lacks(t, "model")
	if _, err := b.pull(t.Context(), server.URL+"/some/model.gguf"); err != nil {
		t.Fatal(err)
	}
	b.holds(t, "model", "model.gguf", data)
	server.Close()
	first := 0
	if _, err := fmt.Sscanf(h.ranges[len(h.ranges)-1], "bytes=%d-", &first); err != nil || first < checkpointBytes || first > reached {
		t.Errorf("ranges %q, want the last to begin at the checkpoint after %d bytes", h.ranges, checkpointBytes)
	}
}

func TestListAndRemove(t *testing.T) {
	onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
		if list, err := b.store.List(); err != nil || len(list) != 0 {
			t.Errorf("list of a store that is not there: %v, %v", list, err)
		}
		if err := b.store.Remove("model"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove: %v, want %v", err, fs.ErrNotExist)
		}
		if exists(b.store.Dir()) {
			t.Error("asking made the store")
		}
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		list, err := b.store.List()
		if err != nil || len(list) != 1 || list[0].Name != "model" || list[0].Err != nil || list[0].Manifest.Size() != size {
			t.Errorf("list: %+v, %v", list, err)
		}
		if err := b.store.Remove("model"); err != nil {
			t.Error(err)
		}
		b.lacks(t, "model")
		if left, _ := filepath.Glob(filepath.Join(b.store.pullDir(), "*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestFolderThatPullDidNotMakeIsLeftAlone(t *testing.T) {
	onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
		own := filepath.Join(b.store.modelDir("model"), "model.pt")
		if err := errors.Join(os.MkdirAll(filepath.Dir(own), 0o755), os.WriteFile(own, []byte("mine"), 0o644)); err != nil {
			t.Fatal(err)
		}
		_, err := b.pull(t.Context(), modelURL)
		wantError(t, err, "pull did not make this folder")
		if !exists(own) || len(b.ranges) > 0 {
			t.Errorf("requests %q, file there: %v", b.ranges, exists(own))
		}
	})
}

func TestSameNameFromOtherURL(t *testing.T) {
	h := newHub(content(size))
	h.files["/other/model.gguf"] = content(10)
	onBench(t, h, func(t *testing.T, b *bench) {
		if _, err := b.pull(t.Context(), modelURL); err != nil {
			t.Fatal(err)
		}
		_, err := b.pull(t.Context(), "http://hub/other/model.gguf")
		wantError(t, err, "the name is taken by what was pulled from "+modelURL)
		if _, err := b.store.Pull(t.Context(), PullOptions{Model: "http://hub/other/model.gguf", Name: "other"}); err != nil {
			t.Error(err)
		}
		b.holds(t, "other", "model.gguf", content(10))
		b.holds(t, "model", "model.gguf", content(size))
	})
}

func TestUsersAndPasswordsAreNotRecorded(t *testing.T) {
	onBench(t, newHub(content(size)), func(t *testing.T, b *bench) {
		b.script = []answer{status(500)}
		m, err := b.pull(t.Context(), "http://me:secret@hub/some/model.gguf")
		if err != nil {
			t.Fatal(err)
		}
		if m.Files[0].URL != modelURL || strings.Contains(strings.Join(b.messages, "\n"), "secret") {
			t.Errorf("URL %s, messages %q", m.Files[0].URL, b.messages)
		}
	})
}

func TestHome(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want string // "" for an error
	}{
		{map[string]string{"SENSEVOICE_HOME": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"}, "/a"},
		{map[string]string{"XDG_DATA_HOME": "/b", "HOME": "/c"}, "/b/sensevoice"},
		{map[string]string{"XDG_DATA_HOME": "b", "HOME": "/c"}, "/c/.local/share/sensevoice"},
		{map[string]string{"HOME": "/c"}, "/c/.local/share/sensevoice"},
		{nil, ""},
	}
	for _, test := range tests {
		store, err := Default(func(key string) string { return test.env[key] })
		if (err != nil) != (test.want == "") {
			t.Errorf("%v: error %v", test.env, err)
		} else if err == nil && store.Dir() != filepath.Join(test.want, "models") {
			t.Errorf("%v: store in %s, want %s", test.env, store.Dir(), test.want)
		}
	}
}

func TestWrongWishes(t *testing.T) {
	store, err := New(t.TempDir(), Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		o    PullOptions
		want string
	}{
		{PullOptions{Model: "sensevoice-smal"}, "there are sensevoice-small, sensevoice-small-q8, fsmn-vad"},
		{PullOptions{Model: "sensevoice-small", From: "github"}, "can be pulled from [huggingface modelscope]"},
		{PullOptions{Model: "sensevoice-small", Name: "mine"}, "a name can be chosen for a URL only"},
		{PullOptions{Model: "ftp://hub/model.gguf"}, "begins with https://"},
		{PullOptions{Model: "http:///model.gguf"}, "begins with https://"},
		{PullOptions{Model: "http://hub/"}, "names no file"},
		{PullOptions{Model: "http://hub/a/.."}, "names no file"},
		{PullOptions{Model: "http://hub/manifest.json"}, "reserved"},
		{PullOptions{Model: "http://hub/x.partial"}, "reserved"},
		{PullOptions{Model: "http://hub/fsmn-vad.gguf"}, "is the name of a known model"},
		{PullOptions{Model: "http://hub/embedded.gguf"}, "is the model in the program"},
		{PullOptions{Model: "http://hub/model.gguf", Name: "../up"}, `model name "../up"`},
		{PullOptions{Model: "http://hub/model.gguf", From: HuggingFace}, "leave out"},
		{PullOptions{Model: "https://huggingface.co/a/b/blob/main/model.pt"}, "/resolve/ instead of /blob/"},
	}
	for _, test := range tests {
		_, err := store.Pull(t.Context(), test.o)
		wantError(t, err, test.want)
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, ".lock", "A", "a.json", "nul\x00", strings.Repeat("a", 65)} {
		if _, err := store.Get(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get %q: %v, want an error about the name", name, err)
		}
		if err := store.Remove(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %q: %v, want an error about the name", name, err)
		}
	}
}

func TestEndpointsFromEnv(t *testing.T) {
	tests := []struct {
		huggingFace, modelScope string
		want                    Endpoints
		err                     string
	}{
		{"", "", Endpoints{"https://huggingface.co", "https://modelscope.cn"}, ""},
		{"https://mirror.example/hf/", "www.modelscope.ai", Endpoints{"https://mirror.example/hf", "https://www.modelscope.ai"}, ""},
		{"", "http://127.0.0.1:8000", Endpoints{"https://huggingface.co", "http://127.0.0.1:8000"}, ""},
		{"mirror.example", "", Endpoints{}, "HF_ENDPOINT"},
		{"", "://", Endpoints{}, "MODELSCOPE_DOMAIN"},
	}
	for _, test := range tests {
		env := map[string]string{"HF_ENDPOINT": test.huggingFace, "MODELSCOPE_DOMAIN": test.modelScope}
		got, err := EndpointsFromEnv(func(key string) string { return env[key] })
		if test.err != "" {
			wantError(t, err, test.err)
		} else if err != nil || got != test.want {
			t.Errorf("%v: %v, %v; want %v", env, got, err, test.want)
		}
	}
}
