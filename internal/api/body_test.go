package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sensevoice/internal/access"
	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
)

// formRoute receives a form and says what it holds.
func formRoute(b *api.Backend) api.Route {
	return api.Route{Pattern: "POST /form", Shape: api.FastAPI, Handle: func(w http.ResponseWriter, r *http.Request) error {
		f, err := b.ReadForm(r, api.FormSpec{Files: []string{"file"}, Fields: []string{"x"}})
		if err != nil {
			return err
		}
		defer f.Close()
		return api.WriteJSON(w, 200, map[string]int64{"size": f.Files[0].Size()})
	}}
}

func TestForms(t *testing.T) {
	b := apitest.New(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxBody = 2 << 20 }, Spool: 4 << 20})
	url := b.Serve(t, formRoute(b.Backend)) + "/form"
	const kind = "multipart/form-data; boundary=b"
	part := func(header, content string) string { return "--b\r\n" + header + "\r\n\r\n" + content + "\r\n" }
	const file = `Content-Disposition: form-data; name="file"; filename="a"`
	for _, test := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"good", kind, part(file, "12345") + "--b--", 200, `{"size":5}`},
		{"to disk", kind, part(file, strings.Repeat("x", 1<<20)) + "--b--", 200, `{"size":1048576}`},
		{"JSON", "application/json", "{}", 415, "multipart/form-data"},
		{"no type", "", "x", 415, "multipart/form-data"},
		{"no boundary", "multipart/form-data", "x", 400, "boundary"},
		{"long boundary", "multipart/form-data; boundary=" + strings.Repeat("b", 500), "x", 400, "boundary"},
		{"not a form", kind, "hello", 422, "Field required"},
		{"no end", kind, part(file, "12345"), 400, "not well-formed"},
		{"large header", kind, part(file+"\r\nX: "+strings.Repeat("x", 1<<20), "1") + "--b--", 400, "the header of a part is too large"},
		{"many headers", kind, part(file+strings.Repeat("\r\nX: y", 100000), "1") + "--b--", 400, "the header of a part is too large"},
		{"many parts", kind, part(file, "1") + strings.Repeat(part(`Content-Disposition: form-data; name="y"`, "1"), 300) + "--b--", 400, "more than 208 parts"},
		{"no name", kind, part("Content-Type: text/plain", "1") + "--b--", 422, "unknown field"},
		{"too large", kind, part(file, strings.Repeat("x", 2<<20)) + "--b--", 413, "larger than 2097152 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			apitest.Do(t, "POST", url, strings.NewReader(test.body), "Content-Type", test.kind).Check(t, test.status, test.want)
			if test.status == 413 || test.name == "large header" { // again, without saying how large it is
				apitest.Do(t, "POST", url, io.MultiReader(strings.NewReader(test.body)), "Content-Type", test.kind).Check(t, test.status, test.want)
			}
		})
	}
	if b.Uploads.Used() != 0 || b.Spool.Room().Used() != 0 {
		t.Errorf("still taken: %d, %d bytes", b.Uploads.Used(), b.Spool.Room().Used())
	}
	b.Spool.Room().TryAcquire(7 << 19)
	body := part(file, strings.Repeat("x", 1<<20)) + "--b--"
	apitest.Do(t, "POST", url, strings.NewReader(body), "Content-Type", kind).Check(t, 503, "no room for the upload")
	if b.Uploads.Used() != 0 || b.Spool.Room().Used() != 7<<19 {
		t.Errorf("still taken: %d, %d bytes", b.Uploads.Used(), b.Spool.Room().Used())
	}
}

// TestUploadsAreBounded sends more at once than there is memory for.
func TestUploadsAreBounded(t *testing.T) {
	b := apitest.New(t, apitest.Options{Uploads: 3 << 20})
	server := httptest.NewServer(b.Handler(formRoute(b.Backend)))
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	var clients sync.WaitGroup
	var open []*io.PipeWriter
	statuses := make(chan int, 16)
	for range 8 {
		r, w := io.Pipe()
		clients.Go(func() {
			answer, err := http.Post(server.URL, "multipart/form-data; boundary=b", r)
			if err != nil {
				statuses <- 0
				return
			}
			answer.Body.Close()
			statuses <- answer.StatusCode
		})
		go func() { _, _ = io.WriteString(w, head+"123") }()
		open = append(open, w)
	}
	refused := 0
	for refused < 5 { // three fit
		if status := <-statuses; status == 429 {
			refused++
		} else {
			t.Fatalf("status %d", status)
		}
	}
	for _, w := range open {
		w.CloseWithError(io.ErrUnexpectedEOF) // clients that die in the middle
	}
	clients.Wait()
	server.Close() // waits for its handlers
	if used := b.Uploads.Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}

// pipeListener serves connections that live in memory, so that time can be the test's.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// slowly serves a route that reads its body, and returns a connection to it.
func slowly(rate int64) (client net.Conn, stop func()) {
	b := &api.Backend{
		Keys: &access.Keys{}, Rates: limit.NewRates(0, 1), Sockets: &api.Sockets{}, Metrics: metrics.New("", "", ""),
		Log: discard(), Draining: make(chan struct{}),
	}
	b.SetLimits(api.Limits{MaxBody: 1 << 20, UploadRate: rate})
	route := api.Route{Pattern: "POST /", Shape: api.FastAPI, Handle: func(w http.ResponseWriter, r *http.Request) error {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		select { // the time to work: the client must not be taken for one that left
		case <-time.After(10 * time.Minute):
		case <-r.Context().Done():
			return r.Context().Err()
		}
		return api.WriteJSON(w, 200, n)
	}}
	l := &pipeListener{make(chan net.Conn, 1), make(chan struct{})}
	server := &http.Server{Handler: b.Handler(route)}
	served := make(chan struct{})
	go func() { _ = server.Serve(l); close(served) }()
	client, inner := net.Pipe()
	l.conns <- inner
	return client, func() {
		client.Close()
		server.Close()
		<-served
	}
}

func TestSlowBodies(t *testing.T) {
	for _, test := range []struct {
		name   string
		pause  time.Duration // between bytes
		rate   int64
		status int
	}{
		{"steady", time.Second, 0, 200},
		{"long pause", 31 * time.Second, 0, 408},
		{"slow loris", 5 * time.Second, 1, 408},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, stop := slowly(test.rate)
				var writer sync.WaitGroup
				writer.Go(func() {
					fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n")
					for range 40 {
						time.Sleep(test.pause)
						if _, err := client.Write([]byte{'x'}); err != nil {
							return
						}
					}
				})
				answer, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil || answer.StatusCode != test.status {
					t.Errorf("%v, %v, want %d", answer, err, test.status)
				}
				stop()
				writer.Wait()
			})
		})
	}
}

// TestClientLeaves ends the work of a request whose client has gone.
func TestClientLeaves(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	begun, ended := make(chan struct{}), make(chan error, 1)
	server := httptest.NewServer(b.Handler(api.Route{Pattern: "POST /", Shape: api.FastAPI, Handle: func(_ http.ResponseWriter, r *http.Request) error {
		_, _ = io.Copy(io.Discard, r.Body)
		close(begun)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
		return r.Context().Err()
	}}))
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", server.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-begun
		leave()
	}()
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
		t.Error("an answer came")
	}
	<-ended
	server.Close() // waits for its handlers
	if log := b.Logs.String(); !strings.Contains(log, `"status":499`) {
		t.Errorf("log: %s", log)
	}
}

// TestRefusedKeepsConnection: a small body that is refused unread costs no new connection, a large one is not waited for.
func TestRefusedKeepsConnection(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, api.Route{Pattern: "POST /x", Shape: api.FastAPI, Handle: func(http.ResponseWriter, *http.Request) error {
		return &api.Error{Status: http.StatusTooManyRequests, Message: "busy"}
	}}) + "/x"
	for size, want := range map[int]bool{100 << 10: true, 1 << 20: false} {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		var reused bool
		for range 2 {
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(make([]byte, size)))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode != http.StatusTooManyRequests {
				t.Errorf("%d bytes: status %d", size, answer.StatusCode)
			}
		}
		if reused != want {
			t.Errorf("%d bytes: the connection is used again: %v", size, reused)
		}
	}
}
