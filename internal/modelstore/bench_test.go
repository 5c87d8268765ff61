package modelstore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// pipes is a network within the process, so that tests can wait in false time.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bench is a store and a hub for it.
type bench struct {
	*hub
	store    *Store
	messages []string
	progress []Progress
}

const modelURL = "http://hub/some/model.gguf"

// onBench runs a test in false time, with a store whose only network is the hub.
func onBench(t *testing.T, h *hub, test func(t *testing.T, b *bench)) {
	t.Helper()
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		network := make(pipes)
		transport := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			client, server := net.Pipe()
			select {
			case network <- server:
				return client, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		server := &http.Server{Handler: h}
		var serving sync.WaitGroup
		serving.Go(func() { server.Serve(network) })
		defer func() {
			transport.CloseIdleConnections()
			server.Close()
			serving.Wait()
		}()
		store, err := New(home, Endpoints{HuggingFace: "http://hub", ModelScope: "http://scope"})
		if err != nil {
			t.Fatal(err)
		}
		store.transport = transport
		test(t, &bench{hub: h, store: store})
	})
}

// total waits for the server to be done with all requests before it counts.
func (b *bench) total() int64 {
	synctest.Wait()
	return b.hub.total()
}

func (b *bench) pull(ctx context.Context, model string) (*Manifest, error) {
	return b.store.Pull(ctx, PullOptions{Model: model, UserAgent: "sensevoice/test", Progress: func(p Progress) {
		if p.Message != "" {
			b.messages = append(b.messages, p.Message)
		} else {
			b.progress = append(b.progress, p)
		}
	}})
}

// holds fails the test unless the store has the model, whole, with this content in file.
func (b *bench) holds(t *testing.T, name, file string, want []byte) {
	t.Helper()
	e, err := b.store.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(e.Dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that differ from the %d of the hub", file, len(got), len(want))
	}
	if err := b.store.Verify(t.Context(), name, nil); err != nil {
		t.Error(err)
	}
	if f := e.Manifest.file(file); f.SHA256 != sumOf(want) {
		t.Errorf("recorded SHA-256 %s, want %s", f.SHA256, sumOf(want))
	}
	entries, err := os.ReadDir(e.Dir)
	if err != nil || len(entries) != len(e.Manifest.Files)+1 {
		t.Errorf("the folder holds %v, want the manifest and %d files (%v)", entries, len(e.Manifest.Files), err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.store.pullDir(), "*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// lacks fails the test if the store has anything under the name of a model.
func (b *bench) lacks(t *testing.T, name string) {
	t.Helper()
	if _, err := b.store.Get(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get %s: %v, want none", name, err)
	}
	if exists(b.store.modelDir(name)) {
		t.Errorf("%s exists", b.store.modelDir(name))
	}
}

// wantError fails the test unless err contains text.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one with %q", err, text)
	}
}

func newHub(data []byte) *hub {
	return &hub{files: map[string][]byte{"/some/model.gguf": data}, etag: `"v1"`}
}
