//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sensevoice/internal/api/apitest"
)

// served is a server that runs in the test's process.
type served struct {
	t    *testing.T
	log  chan map[string]any // closed when the server has ended
	stop context.CancelFunc
	code int // when it has ended
}

// serve starts a server with the embedded model on a free port.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	env := map[string]string{"HOME": t.TempDir()}
	p := &program{in: strings.NewReader(""), out: io.Discard, err: w, getenv: func(name string) string { return env[name] }}
	s := &served{t: t, log: make(chan map[string]any, 1000), stop: stop}
	go func() {
		s.code = p.run(ctx, append([]string{"serve", "--host", "127.0.0.1", "--port", "0", "--model", "embedded", "--env-file", os.DevNull}, args...))
		w.Close()
	}()
	go func() {
		defer close(s.log)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			line := map[string]any{}
			if json.Unmarshal(lines.Bytes(), &line) != nil {
				line["msg"] = lines.Text()
			}
			s.log <- line
		}
	}()
	t.Cleanup(stop)
	return s
}

// await reads the log up to a message, and returns one of its facts.
func (s *served) await(message, fact string) any {
	s.t.Helper()
	for line := range s.log {
		if line["msg"] == message {
			return line[fact]
		}
	}
	s.t.Fatalf("the log has no %q, and the server has ended with %d", message, s.code)
	return nil
}

// TestServe goes through the life of a server: it starts, answers, reads its settings anew, drains and ends.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := write("server.yaml", "max_files: 2\nlog_format: json\n")
	keys := write("keys", "alice:sk-alice-1\n")
	s := serve(t, "--config", settings, "--funasr-addr", "127.0.0.1:0")
	url, _ := s.await("listening", "address").(string)
	clip := apitest.Part{"files", "a.wav", apitest.Clip(t, "hello.wav")}
	apitest.Post(t, url+"/api/v1/asr", clip).Check(t, 200, "hello good morning thanks")
	apitest.Do(t, "GET", url+"/readyz", nil).Check(t, 200)
	apitest.Do(t, "GET", url+"/health", nil).Check(t, 200, `"status":"healthy"`)
	apitest.Do(t, "GET", url+"/api/v1/gpu", nil).Check(t, 200, `"device":"cpu"`)
	apitest.Do(t, "GET", url+"/ws/asr", nil).Check(t, 426)
	apitest.Do(t, "GET", url+"/", nil).Check(t, 200, "<html")

	reload := func(text, message, fact string) any {
		write("server.yaml", text)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		return s.await(message, fact)
	}
	if required := reload("max_files: 1\napi_keys_file: "+keys+"\n", "reloaded", "keys"); required != true {
		t.Errorf("keys are required: %v", required)
	}
	apitest.Post(t, url+"/api/v1/asr", clip).Check(t, 401)
	body, kind := apitest.Form(clip, clip)
	apitest.Do(t, "POST", url+"/api/v1/asr", body, "Content-Type", kind, "X-API-Key", "sk-alice-1").Check(t, 413, "more than 1 recordings")
	if what, _ := reload("max_file: 1\n", "reload", "error").(string); !strings.Contains(what, `did you mean "max_files"?`) {
		t.Errorf("a wrong file: %s", what)
	}
	apitest.Post(t, url+"/api/v1/asr", clip).Check(t, 401) // everything is as it was

	s.stop()
	s.await("drained", "")
	for range s.log {
	}
	if s.code != 0 {
		t.Errorf("exit code %d", s.code)
	}
}

func TestServeSaysWhyNot(t *testing.T) {
	for want, args := range map[string][]string{
		"address already in use": nil,
		"TLS certificate":        {"--tls-cert", "none.pem", "--tls-key", "none.pem"},
		"is no address such as":  {"--otlp-endpoint", "localhost"},
	} {
		if args == nil {
			first := serve(t)
			address, _ := first.await("listening", "address").(string)
			args = []string{"--port", address[strings.LastIndexByte(address, ':')+1:]}
			defer first.stop()
		}
		s := serve(t, args...)
		said := ""
		for line := range s.log {
			text, _ := line["msg"].(string)
			said += text + "\n"
		}
		if s.code == 0 || !strings.Contains(said, want) {
			t.Errorf("%v: ended with %d: %s", args, s.code, said)
		}
	}
}
