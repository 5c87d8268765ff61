package status

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sensevoice/internal/api/apitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

func serve(t *testing.T, embedded bool) (string, *Service, *apitest.Backend) {
	t.Helper()
	b := apitest.New(t, apitest.Options{Keys: "only:12345678"})
	s, err := New(b.Backend, embedded)
	if err != nil {
		t.Fatal(err)
	}
	return b.Serve(t, s.Routes()...), s, b
}

func TestHealth(t *testing.T) {
	url, s, b := serve(t, true)
	health := func(status int, want string) {
		t.Helper()
		if got := apitest.Do(t, "GET", url+"/health", nil); got.Status != status || got.Body != want {
			t.Errorf("%d %s, want %d %s", got.Status, got.Body, status, want)
		}
	}
	health(503, `{"status":"unhealthy","reason":"model_not_initialized","device":"cpu","models_loaded":["embedded"]}`)
	apitest.Do(t, "GET", url+"/readyz", nil).Check(t, 200, `{"ready":true,"took_ms":`)
	health(200, `{"status":"healthy","device":"cpu","models_loaded":["embedded"]}`)
	if !s.Healthy(time.Hour) {
		t.Error("not healthy")
	}
	apitest.Do(t, "GET", url+"/livez", nil).Check(t, 200, `{"status":"alive"}`)
	b.Drain()
	health(503, `{"status":"unhealthy","reason":"draining","device":"cpu","models_loaded":["embedded"]}`)
	apitest.Do(t, "GET", url+"/readyz", nil).Check(t, 503, `{"ready":false,"reason":"draining"`)
	apitest.Do(t, "GET", url+"/livez", nil).Check(t, 200)
}

// TestReadyIsRecognition breaks the recognition in several ways: readiness must notice.
func TestReadyIsRecognition(t *testing.T) {
	url, s, b := serve(t, true)
	ready := func(want string) {
		t.Helper()
		apitest.Do(t, "GET", url+"/readyz", nil).Check(t, 503, `"ready":false`, want)
		apitest.Do(t, "GET", url+"/health", nil).Check(t, 503, `"reason":"recognition_failed"`)
	}
	good := s.samples
	s.samples = make([]float32, len(good)) // silence: the model hears something else
	ready("the model heard")
	s.samples = good[:10]
	ready("too short")
	s.samples = good
	b.Ready = time.Nanosecond
	ready("no answer from the engine within 1ns")
	b.Ready = time.Minute
	if err := b.Queue.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	ready("shutting down")
}

func TestProbesShareARecognition(t *testing.T) {
	url, _, b := serve(t, true)
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() { apitest.Do(t, "GET", url+"/readyz", nil).Check(t, 200) })
	}
	clients.Wait()
	if clips := b.Queue.Stats().Clips; clips < 1 || clips > 20 {
		t.Errorf("%d recognitions", clips)
	}
}

func TestStatus(t *testing.T) {
	url, s, b := serve(t, false)
	apitest.Do(t, "GET", url+"/api/v1/status", nil).Check(t, 401)
	if p := s.Probe(t.Context()); p.Err != nil {
		t.Fatal(p.Err)
	}
	leave, err := b.Sockets.Join()
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	b.Sockets.Messages.Add(3)
	got := apitest.Do(t, "GET", url+"/api/v1/status", nil, "X-API-Key", "12345678")
	got.Check(t, 200, `{"status":"running","model_initialized":true,"has_streaming_model":true,"connections":1,`+
		`"connection_stats":{"active_connections":1,"total_messages_received":3,"total_audio_chunks_processed":0,"total_errors":0},`+
		`"settings":{"device":"cpu","model_dir":"embedded","target_sample_rate":16000},"version":"test","queue":{`)
	if !json.Valid([]byte(got.Body)) {
		t.Error("not JSON")
	}
	b.Drain()
	apitest.Do(t, "GET", url+"/metrics", nil).Check(t, 200, `sensevoice_requests_total{route="GET /api/v1/status",status="401"} 1`)
	if text := b.Logs.String(); strings.Contains(text, "12345678") {
		t.Error("a key is in the log")
	}
}
