package modelstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if home := os.Getenv(childHome); home != "" {
		os.Exit(pullAsChild(home))
	}
	goleak.VerifyTestMain(m)
}

// content returns bytes that are the same in every run.
func content(size int) []byte {
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(size)})
	random.Read(data)
	return data
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// answer is what a server does with one request.
type answer func(h *hub, w http.ResponseWriter, r *http.Request)

// hub serves files by path. Requests are answered by the script first, each by the next answer, then well.
type hub struct {
	files  map[string][]byte
	etag   string // "" for none
	linked string // X-Linked-Etag, "" for none

	mu     sync.Mutex
	script []answer
	ranges []string // Range of each request
	paths  []string
	agents map[string]bool
	served int64 // bytes of files
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	next := answer((*hub).serve)
	if len(h.script) > 0 {
		next, h.script = h.script[0], h.script[1:]
	}
	h.ranges = append(h.ranges, r.Header.Get("Range"))
	h.paths = append(h.paths, r.URL.Path)
	if h.agents == nil {
		h.agents = map[string]bool{}
	}
	h.agents[r.UserAgent()] = true
	h.mu.Unlock()
	next(h, w, r)
}

// serve answers well.
func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	data, ok := h.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h.mark(w)
	http.ServeContent(&countingWriter{w, h}, r, "model.bin", time.Time{}, bytes.NewReader(data))
}

func (h *hub) mark(w http.ResponseWriter) {
	if h.etag != "" {
		w.Header().Set("ETag", h.etag)
	}
	if h.linked != "" {
		w.Header().Set("X-Linked-Etag", `"`+h.linked+`"`)
	}
}

// total returns the bytes of files served since the last call.
func (h *hub) total() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := h.served
	h.served = 0
	return total
}

type countingWriter struct {
	http.ResponseWriter
	hub *hub
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.hub.mu.Lock()
	w.hub.served += int64(n)
	w.hub.mu.Unlock()
	return n, err
}

// begin answers well up to byte k of the file and returns then. It honours a Range.
func begin(h *hub, w http.ResponseWriter, r *http.Request, k int) {
	data := h.files[r.URL.Path]
	first := 0
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
	h.mark(w)
	w.Header().Set("Content-Length", fmt.Sprint(len(data)-first))
	if first > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(data)-1, len(data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	(&countingWriter{w, h}).Write(data[first:max(first, k)])
	w.(http.Flusher).Flush()
}

func cut(k int) answer {
	return func(h *hub, w http.ResponseWriter, r *http.Request) {
		begin(h, w, r, k)
		panic(http.ErrAbortHandler)
	}
}

func stall(k int) answer {
	return func(h *hub, w http.ResponseWriter, r *http.Request) {
		begin(h, w, r, k)
		<-r.Context().Done()
	}
}

// status answers with a code and headers, "Name: value".
func status(code int, headers ...string) answer {
	return func(_ *hub, w http.ResponseWriter, _ *http.Request) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		io.WriteString(w, "sorry")
	}
}

// lieAboutRange answers a request for a range with one that was not asked for.
func lieAboutRange(contentRange string) answer {
	return func(h *hub, w http.ResponseWriter, r *http.Request) {
		h.mark(w)
		w.Header().Set("Content-Range", contentRange)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(h.files[r.URL.Path][100:])
	}
}

// send answers with these bytes instead, of unknown length if chunked.
func send(data []byte, chunked bool, headers ...string) answer {
	return func(h *hub, w http.ResponseWriter, _ *http.Request) {
		h.mark(w)
		w.Header().Set("Content-Type", "application/octet-stream")
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		if !chunked {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		}
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		w.Write(data[len(data)/2:])
	}
}

// These variables tell a child process what to do.
const (
	childHome = "MODELSTORE_TEST_HOME"
	childURL  = "MODELSTORE_TEST_URL"
	// childDiesAt is after how many bytes the child kills itself, in the way that leaves no time for anything.
	childDiesAt = "MODELSTORE_TEST_DIES_AT"
)

// pullAsChild is what the test binary does when a test starts it as a second process.
func pullAsChild(home string) (code int) {
	store, err := New(home, Endpoints{})
	if err == nil {
		diesAt, _ := strconv.ParseInt(cmp.Or(os.Getenv(childDiesAt), strconv.Itoa(maxFileSize)), 10, 64)
		_, err = store.Pull(context.Background(), PullOptions{Model: os.Getenv(childURL), Progress: func(p Progress) {
			if p.Done >= diesAt {
				self, _ := os.FindProcess(os.Getpid())
				self.Kill()
				select {}
			}
		}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
