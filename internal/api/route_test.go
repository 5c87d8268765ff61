package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// hello is a route that answers.
func hello(shape api.Shape, open bool) api.Route {
	return api.Route{Pattern: "/hello", Shape: shape, Open: open, Handle: func(w http.ResponseWriter, r *http.Request) error {
		return api.WriteJSON(w, 200, map[string]string{"caller": api.RequestOf(r.Context()).Caller})
	}}
}

// failing is a route that fails.
func failing(path string, shape api.Shape, err error) api.Route {
	return api.Route{Pattern: path, Shape: shape, Handle: func(http.ResponseWriter, *http.Request) error { return err }}
}

func TestKeys(t *testing.T) {
	b := apitest.New(t, apitest.Options{Keys: "alice:sk-alice-1\nbob:sk-bob-22\n"})
	url := b.Serve(t, hello(api.OpenAI, false)) + "/hello"
	for _, test := range []struct {
		header []string
		status int
		want   string
	}{
		{nil, 401, `"code":"invalid_api_key"`},
		{[]string{"Authorization", "Bearer sk-alice-1"}, 200, `{"caller":"alice"}`},
		{[]string{"Authorization", "bearer  sk-alice-1 "}, 200, `{"caller":"alice"}`},
		{[]string{"Authorization", "Bearer; sk-bob-22"}, 200, `{"caller":"bob"}`},
		{[]string{"X-API-Key", "sk-bob-22"}, 200, `{"caller":"bob"}`},
		{[]string{"X-API-Key", "sk-bob-2"}, 401, "is not known"},
		{[]string{"Authorization", "Basic sk-alice-1"}, 401, "wants an API key"},
		{[]string{"Authorization", "sk-alice-1"}, 401, "wants an API key"},
		{[]string{"Upgrade", "x"}, 401, "wants an API key"},
	} {
		got := apitest.Do(t, "GET", url+"?api_key=sk-alice-1", nil, test.header...)
		got.Check(t, test.status, test.want)
		if test.status == 401 && got.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%v: header %v", test.header, got.Header)
		}
	}
	if log := b.Logs.String(); strings.Contains(log, "sk-") {
		t.Errorf("a key is in the log: %s", log)
	}
}

func TestRate(t *testing.T) {
	b := apitest.New(t, apitest.Options{Rate: 0.001, Burst: 2, Keys: "a:12345678\nb:abcdefgh"})
	url := b.Serve(t, hello(api.FastAPI, false))
	for i, want := range []int{200, 200, 429} {
		got := apitest.Do(t, "GET", url+"/hello", nil, "X-API-Key", "12345678")
		if got.Status != want || want == 429 && got.Header.Get("Retry-After") == "" {
			t.Errorf("%d: %d %v %s", i, got.Status, got.Header, got.Body)
		}
	}
	apitest.Do(t, "GET", url+"/hello", nil, "X-API-Key", "abcdefgh").Check(t, 200)
	if text := apitest.Metrics(b.Backend); !strings.Contains(text, `sensevoice_rejects_total{reason="rate"} 1`) {
		t.Error("the reject is not counted")
	}
}

func TestRequestID(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, hello(api.FastAPI, false)) + "/hello"
	for _, test := range []struct {
		sent string
		kept bool
	}{{"abc-1.2_3", true}, {"", false}, {strings.Repeat("a", 65), false}, {"a b", false}, {"é", false}} {
		got := apitest.Do(t, "GET", url, nil, "X-Request-Id", test.sent).Header.Get("X-Request-Id")
		if got == "" || (got == test.sent) != test.kept {
			t.Errorf("%q: %q", test.sent, got)
		}
	}
	if !strings.Contains(b.Logs.String(), `"id":"abc-1.2_3"`) {
		t.Error("the id is not in the log")
	}
}

func TestErrors(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	secret := errors.New("a path that clients must not see")
	url := b.Serve(t,
		failing("/plain", api.FastAPI, secret),
		failing("/openai", api.OpenAI, secret),
		failing("/known", api.FastAPI, fmt.Errorf("while: %w", &api.Error{Status: 418, Message: "teapot", Err: secret})),
		failing("/fields", api.FastAPI, &api.Error{Status: 422, Fields: []api.FieldError{{Field: "a", Message: "is wrong", Kind: "value_error"}, {Field: "b", Message: "is missing", Kind: "missing"}}}),
		failing("/field", api.OpenAI, api.Wrong("a", "is wrong")),
		failing("/deadline", api.OpenAI, context.DeadlineExceeded),
		api.Route{Pattern: "/panic", Shape: api.FastAPI, Handle: func(http.ResponseWriter, *http.Request) error { panic(secret) }},
	)
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/plain":    {500, `{"detail":"internal error; the server's log has the cause under this request's id"}`},
		"/openai":   {500, `{"error":{"message":"internal error; the server's log has the cause under this request's id","type":"server_error","param":null,"code":null}}`},
		"/known":    {418, `{"detail":"teapot"}`},
		"/fields":   {422, `{"detail":[{"loc":["body","a"],"msg":"is wrong","type":"value_error"},{"loc":["body","b"],"msg":"is missing","type":"missing"}]}`},
		"/field":    {422, `{"error":{"message":"a: is wrong","type":"invalid_request_error","param":"a","code":null}}`},
		"/deadline": {504, `{"error":{"message":"recognition took longer than this server allows","type":"server_error","param":null,"code":null}}`},
		"/panic":    {500, `{"detail":"internal error; the server's log has the cause under this request's id"}`},
	} {
		if got := apitest.Do(t, "GET", url+path, nil); got.Status != want.status || got.Body != want.body {
			t.Errorf("%s: %d %s\nwant %d %s", path, got.Status, got.Body, want.status, want.body)
		}
	}
	if log := b.Logs.String(); strings.Count(log, secret.Error()) < 4 {
		t.Errorf("the causes are not in the log: %s", log)
	}
}

// TestHalfAnAnswer ends the connection when a handler fails in the middle, so that nobody takes the half for the whole.
func TestHalfAnAnswer(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	begin := func(err error) api.Handler {
		return func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			return err
		}
	}
	url := b.Serve(t,
		api.Route{Pattern: "/cut", Shape: api.FastAPI, Handle: begin(errors.New("broken"))},
		api.Route{Pattern: "/told", Shape: api.FastAPI, Handle: begin(api.Told(errors.New("broken")))},
	)
	for path, whole := range map[string]bool{"/cut": false, "/told": true} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(body) != "half" || (err == nil) != whole {
			t.Errorf("%s: %q, %v", path, body, err)
		}
	}
}

func TestDraining(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	open := hello(api.FastAPI, true)
	open.Pattern = "/open"
	url := b.Serve(t, hello(api.FastAPI, false), open)
	leave, err := b.Sockets.Join()
	if err != nil {
		t.Fatal(err)
	}
	b.Drain()
	got := apitest.Do(t, "GET", url+"/hello", nil)
	got.Check(t, 503, "shutting down")
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	apitest.Do(t, "GET", url+"/open", nil).Check(t, 200)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := b.Sockets.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a WebSocket is open, and Wait says %v", err)
	}
	if _, err := b.Sockets.Join(); err == nil {
		t.Error("a WebSocket joins a server that ends")
	}
	leave()
	leave()
	if err := b.Sockets.Wait(t.Context()); err != nil || b.Sockets.Open() != 0 {
		t.Errorf("%v, %d open", err, b.Sockets.Open())
	}
}

func TestSocketsAreLimited(t *testing.T) {
	b := apitest.New(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxSockets = 2 }})
	for range 2 {
		leave, err := b.Sockets.Join()
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	_, err := b.Sockets.Join()
	var failure *api.Error
	if !errors.As(err, &failure) || failure.Status != 503 || failure.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
}
