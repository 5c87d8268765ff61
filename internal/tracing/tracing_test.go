package tracing

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/api/apitest"
	"sensevoice/internal/api/asr"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// TestTraces serves a request and looks at what reaches the collector.
func TestTraces(t *testing.T) {
	received := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		received <- r.URL.Path + " " + string(body) // protobuf, in which texts stand as they are
	}))
	defer collector.Close()
	tracer, err := Open(t.Context(), collector.URL+"/", "1.0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := apitest.New(t, apitest.Options{})
	b.Tracer = tracer
	body, kind := apitest.Form(apitest.Part{"files", "a.wav", apitest.Clip(t, "hello.wav")})
	apitest.Do(t, "POST", b.Serve(t, asr.Routes(b.Backend)...)+"/api/v1/asr", body, "Content-Type", kind,
		"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Request-Id", "my-id").Check(t, 200)
	if err := tracer.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	all := ""
	for len(received) > 0 {
		all += <-received
	}
	for _, want := range []string{
		"/v1/traces ", "POST /api/v1/asr", "recognize", "audio.seconds", "queue.ms", "my-id", "service.name",
		"\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36", // the client's trace
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the collector got no %q", want)
		}
	}
}

func TestBadEndpoints(t *testing.T) {
	for _, endpoint := range []string{"localhost:4318", "ftp://x", "http://", "::", "http://%zz"} {
		if _, err := Open(t.Context(), endpoint, "", slog.Default()); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:4318") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
