package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
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

// running is a server that serves until stop.
type running struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, b *apitest.Backend, o Options) *running {
	t.Helper()
	o.Backend, o.Drain, o.Log, o.MaxConns = b.Backend, b.Drain, b.Log, max(o.MaxConns, 10)
	if o.DrainTimeout == 0 {
		o.DrainTimeout = time.Minute
	}
	for i := range o.Endpoints {
		o.Endpoints[i].Address = "127.0.0.1:0"
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{"http://" + s.Addresses()[0].String(), stop, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	return r
}

func handler(b *apitest.Backend, origins []string, routes ...api.Route) []Endpoint {
	return []Endpoint{{Name: "HTTP", Handler: NewHandler(b.Backend, routes, origins)}}
}

func route(pattern string, h api.Handler) api.Route {
	return api.Route{Pattern: pattern, Shape: api.FastAPI, Handle: h}
}

func ok(w http.ResponseWriter, _ *http.Request) error { return api.WriteJSON(w, 200, "ok") }

func TestUnknownPaths(t *testing.T) {
	b := apitest.New(t, apitest.Options{Keys: "a:12345678"})
	r := start(t, b, Options{Endpoints: handler(b, nil, route("POST /api/v1/asr", ok), route("GET /v1/models/{id...}", ok))})
	for _, test := range []struct{ method, path, body, allow string }{
		{"GET", "/nothing", `{"detail":"Not Found"}`, ""},
		{"GET", "/api/v1/asr", `{"detail":"Method Not Allowed"}`, "POST"},
		{"DELETE", "/v1/models/x", `{"error":{"message":"Method Not Allowed","type":"invalid_request_error","param":null,"code":null}}`, "GET"},
		{"GET", "/v1/nothing", `{"error":{"message":"Not Found","type":"invalid_request_error","param":null,"code":null}}`, ""},
	} {
		got := apitest.Do(t, test.method, r.url+test.path, nil)
		if got.Body != test.body || got.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d %s, Allow %q", test.method, test.path, got.Status, got.Body, got.Header.Get("Allow"))
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("header %v", got.Header)
		}
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestCORS(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	for _, test := range []struct {
		origins []string
		origin  string
		allowed bool
	}{
		{nil, "https://a.example", false},
		{[]string{"https://a.example"}, "https://a.example", true},
		{[]string{"https://a.example"}, "https://b.example", false},
		{[]string{"*"}, "https://b.example", true},
	} {
		r := start(t, b, Options{Endpoints: handler(b, test.origins, route("POST /x", ok))})
		for _, method := range []string{"POST", "OPTIONS"} {
			got := apitest.Do(t, method, r.url+"/x", nil, "Origin", test.origin, "Access-Control-Request-Method", "POST")
			if allowed := got.Header.Get("Access-Control-Allow-Origin") == test.origin; allowed != test.allowed {
				t.Errorf("%v %s %s: %v", test.origins, test.origin, method, got.Header)
			}
			if method == "OPTIONS" && (got.Status == 204) != test.allowed {
				t.Errorf("%v %s: preflight %d", test.origins, test.origin, got.Status)
			}
		}
		r.stop()
		<-r.done
	}
}

// TestDrain ends a server while it works: the work finishes, nothing new begins, WebSockets are waited for.
func TestDrain(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	begun, finish := make(chan struct{}), make(chan struct{})
	r := start(t, b, Options{DrainTimeout: time.Minute, Endpoints: handler(b, nil, route("GET /slow", func(w http.ResponseWriter, r *http.Request) error {
		close(begun)
		<-finish
		return api.WriteJSON(w, 200, "finished")
	}))})
	answer := make(chan apitest.Reply, 1)
	go func() { answer <- apitest.Do(t, "GET", r.url+"/slow", nil) }()
	<-begun
	leave, err := b.Sockets.Join()
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	<-b.Draining
	close(finish)
	(<-answer).Check(t, 200, "finished")
	select {
	case err := <-r.done:
		t.Fatalf("ended with a WebSocket open: %v", err)
	default:
	}
	leave()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestDrainCutsOff(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	begun := make(chan struct{})
	r := start(t, b, Options{DrainTimeout: 10 * time.Millisecond, Endpoints: handler(b, nil, route("GET /stuck", func(_ http.ResponseWriter, r *http.Request) error {
		close(begun)
		<-r.Context().Done()
		return r.Context().Err()
	}))})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, err := http.Get(r.url + "/stuck"); err == nil {
			answer.Body.Close()
		}
	}()
	<-begun
	r.stop()
	if err := <-r.done; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
	<-done
}

func TestGiganticHeader(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	r := start(t, b, Options{Endpoints: handler(b, nil, route("GET /x", ok))})
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		fmt.Fprint(c, "GET /x HTTP/1.1\r\nHost: x\r\n")
		for range 1000 {
			if _, err := fmt.Fprintf(c, "X: %s\r\n", strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", answer.StatusCode)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	dir := t.TempDir()
	open := func() (*Certificate, error) {
		return OpenCertificate(filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
	}
	if _, err := open(); err == nil {
		t.Fatal("a certificate that does not exist is opened")
	}
	first := writeCertificate(t, dir, 1)
	certificate, err := open()
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, b, Options{Endpoints: handler(b, nil, route("GET /x", ok)), TLS: certificate.Config()})
	get := func(pool *x509.CertPool) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "test"}, DisableKeepAlives: true}}
		answer, err := client.Get("https" + strings.TrimPrefix(r.url, "http") + "/x")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		if answer.Header.Get("Strict-Transport-Security") == "" {
			t.Error("no Strict-Transport-Security")
		}
		return err
	}
	if err := get(first); err != nil {
		t.Error(err)
	}
	second := writeCertificate(t, dir, 2)
	if err := certificate.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := get(second); err != nil {
		t.Error(err)
	}
	if get(first) == nil {
		t.Error("the first certificate is still used")
	}
	r.stop()
	<-r.done
}

// writeCertificate writes one for "test" into a folder, and returns who trusts it.
func writeCertificate(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}
