// Package apitest makes servers for the tests of protocols: the real backend with the embedded model, on a loopback address.
package apitest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sensevoice/internal/access"
	"sensevoice/internal/api"
	"sensevoice/internal/batch"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/golden"
	"sensevoice/internal/kernel"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/spool"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/vad"
)

// Options are what a test may want otherwise.
type Options struct {
	Keys    string // content of a file of API keys, "" for none
	Rate    float64
	Burst   int
	Limits  func(*api.Limits)
	Queue   func(*batch.Options)
	Uploads int64 // bytes of memory for uploads, 0 for plenty
	Spool   int64 // bytes of disk for uploads, 0 for plenty
}

// Backend is one whose parts a test can look at.
type Backend struct {
	*api.Backend
	Drain func()  // begins to drain
	Logs  *Buffer // what was logged, as JSON
}

// New makes a backend that ends with the test.
func New(t testing.TB, o Options) *Backend {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	logs := &Buffer{}
	draining, drain := context.WithCancel(context.Background())
	b := &Backend{Drain: drain, Logs: logs, Backend: &api.Backend{
		ModelName: modelstore.EmbeddedName, Device: "cpu", Version: "test", Ready: 30 * time.Second,
		Keys: &access.Keys{}, Rates: limit.NewRates(o.Rate, max(1, o.Burst)), Sockets: &api.Sockets{},
		Uploads: limit.NewBudget(orElse(o.Uploads, 256<<20)), Work: limit.NewBudget(256 << 20),
		Metrics: metrics.New("test", modelstore.EmbeddedName, "cpu"), Draining: draining.Done(),
		Log: slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}}
	var err error
	b.Spool, err = spool.New(t.TempDir(), orElse(o.Spool, 1<<30))
	must(err)
	if o.Keys != "" {
		path := filepath.Join(t.TempDir(), "keys")
		must(os.WriteFile(path, []byte(o.Keys), 0o600))
		must(b.Keys.Load(path))
	}
	limits := api.Limits{MaxBody: 64 << 20, MaxLength: time.Hour, MaxFiles: 8, MaxSockets: 16, MaxWait: time.Minute, Timeout: time.Minute, UploadRate: 1024}
	if o.Limits != nil {
		o.Limits(&limits)
	}
	b.SetLimits(limits)
	open(t, b.Backend, o.Queue)
	return b
}

func orElse(n, byDefault int64) int64 {
	if n == 0 {
		return byDefault
	}
	return n
}

// open opens the embedded model behind a queue.
func open(t testing.TB, b *api.Backend, change func(*batch.Options)) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := modelstore.New(t.TempDir(), modelstore.Endpoints{})
	must(err)
	model, err := store.Open(modelstore.EmbeddedName)
	must(err)
	kernels, err := kernel.Select("")
	must(err)
	engine, err := cpu.New(kernels, 1)
	must(err)
	recognizer, err := transcribe.NewRecognizer(model, engine)
	must(err)
	options := batch.Options{Recognizers: []*transcribe.Recognizer{recognizer}, Observer: b.Metrics}
	if change != nil {
		change(&options)
	}
	b.Queue, err = batch.New(options)
	must(err)
	weights, err := modelstore.EmbeddedVAD()
	must(err)
	b.VAD, err = vad.New(weights, nil, kernels)
	must(err)
	t.Cleanup(func() {
		must(b.Queue.Close(context.Background()))
		engine.Close()
		must(model.Close())
	})
}

// Serve serves routes and returns their address.
func (b *Backend) Serve(t testing.TB, routes ...api.Route) string {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.Pattern, b.Handler(r))
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// Clip returns the bytes of a recording in testdata.
func Clip(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.Root(), "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Part is a part of a form: its name, the name of its file or "" if it is text, and its content.
type Part [3]string

// Form makes a multipart form and its type of content.
func Form(parts ...Part) (body io.Reader, contentType string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range parts {
		name, file, content := p[0], p[1], p[2]
		var part io.Writer
		if file != "" {
			part, _ = w.CreateFormFile(name, file) // into memory
		} else {
			part, _ = w.CreateFormField(name)
		}
		_, _ = io.WriteString(part, content)
	}
	_ = w.Close()
	return &out, w.FormDataContentType()
}

// Reply is an answer that has been read.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Post sends a form.
func Post(t testing.TB, url string, parts ...Part) Reply {
	t.Helper()
	body, contentType := Form(parts...)
	return Do(t, http.MethodPost, url, body, "Content-Type", contentType)
}

// Do sends a request with pairs of header names and values.
func Do(t testing.TB, method, url string, body io.Reader, header ...string) Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Reply{answer.StatusCode, answer.Header, string(text)}
}

// Check compares a reply's status, and looks for each of the texts in its body.
func (r Reply) Check(t testing.TB, status int, texts ...string) {
	t.Helper()
	if r.Status != status {
		t.Errorf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	for _, text := range texts {
		if !strings.Contains(r.Body, text) {
			t.Errorf("no %q in %s", text, r.Body)
		}
	}
}

// Metrics returns the page of a server's metrics.
func Metrics(b *api.Backend) string {
	w := httptest.NewRecorder()
	b.Metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// Buffer is what several goroutines write to.
type Buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
