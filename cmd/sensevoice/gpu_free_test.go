package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGPUFree(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		reply  string
		body   string
		code   int
		says   string
	}{
		{nil, 200, `{"level":"trim","workers":2}`, `{"level":"trim"}`, 0, "2 workers were asked"},
		{[]string{"--all"}, 200, `{"level":"all","workers":0}`, `{"level":"all"}`, 0, "the server holds no GPU memory"},
		{nil, 401, `{"detail":"no key"}`, `{"level":"trim"}`, exitFailed, `the server refuses (401 Unauthorized): {"detail":"no key"}`},
		{nil, 200, `hello`, `{"level":"trim"}`, exitFailed, "is no answer of this server"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != c.body || r.URL.Path != "/api/v1/gpu/free" || r.Header.Get("Authorization") != "Bearer secret" {
				t.Errorf("%s %s %v", r.URL.Path, body, r.Header)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.reply)
		}))
		var out bytes.Buffer
		p := &program{in: strings.NewReader(""), out: &out, err: &out, getenv: func(string) string { return "" }}
		code := p.run(t.Context(), append([]string{"gpu", "free", "--server", server.URL, "--api-key", "secret"}, c.args...))
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: %d %s", c.args, code, out.String())
		}
		server.Close()
	}
}
