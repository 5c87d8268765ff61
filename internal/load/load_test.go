package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/funasrws"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/sockettest"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/api/wsasr"
	"sensevoice/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recordings reads some clips, with their texts.
func recordings(t *testing.T, names ...string) []Clip {
	t.Helper()
	folder := filepath.Join(golden.Root(), "testdata")
	var clips []Clip
	for _, name := range names {
		c, err := ReadClip(t.Context(), filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		clips = append(clips, c)
	}
	list, err := os.ReadFile(filepath.Join(folder, "clips.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Expect(clips, list); err != nil {
		t.Fatal(err)
	}
	return clips
}

// TestStreams measures real servers of both protocols, at many times the pace of speech, and finds nothing wrong.
func TestStreams(t *testing.T) {
	for protocol, routes := range map[string]func(*api.Backend, socket.Options, *speech.Pacer) []api.Route{
		"ws": wsasr.Routes, "funasr": funasrws.Routes,
	} {
		t.Run(protocol, func(t *testing.T) {
			server := sockettest.New(t, func(b *api.Backend) []api.Route { return routes(b, socket.DefaultOptions(), new(speech.Pacer)) })
			s := DefaultScenario()
			s.URL, s.Protocol, s.Pace = server.URL, protocol, 20
			s.Clips = recordings(t, "hello.wav", "zh.wav", "ja.wav", "silence.wav")
			s.Clips[1].Texts, s.Clips[1].Known = nil, false // to be learnt
			s.Clients, s.Requests = 4, 12
			report, err := Run(t.Context(), s, nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed() || report.OK != 12 || report.Speech.Count < 9 || report.Known.Count != report.Speech.Count {
				t.Errorf("%+v", report)
			}
			if !(report.Known.P50 < report.Speech.P50 && report.Known.P50 > -1000 && report.Latency.P50 > 100) {
				t.Errorf("speech %+v, known %+v, latency %+v", report.Speech, report.Known, report.Latency)
			}
		})
	}
}

// answering makes a server of /api/v1/asr that answers with what a function says of each request's number.
func answering(t *testing.T, answer func(n int64, name string) (status int, text string)) *httptest.Server {
	t.Helper()
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("files")
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.Copy(io.Discard, file); err != nil {
			t.Error(err)
		}
		status, text := answer(count.Add(1), header.Filename)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"result":[{"key":"k","clean_text":%q}]}`, text)
	}))
	t.Cleanup(server.Close)
	return server
}

func fakes() []Clip {
	return []Clip{
		{Name: "one", Texts: []string{"one"}, Known: true, Duration: time.Second},
		{Name: "two", Texts: []string{"two"}, Known: true, Duration: 2 * time.Second},
	}
}

// TestFaultsAreCounted lets a server answer wrong in every way.
func TestFaultsAreCounted(t *testing.T) {
	server := answering(t, func(n int64, name string) (int, string) {
		switch n {
		case 1:
			return http.StatusOK, map[string]string{"one": "two", "two": "one"}[name]
		case 2:
			return http.StatusOK, "Three."
		case 3:
			return http.StatusTooManyRequests, ""
		case 4:
			return http.StatusInternalServerError, ""
		}
		return http.StatusOK, strings.ToUpper(name) + "!"
	})
	s := DefaultScenario()
	s.URL, s.Clips, s.Clients, s.Requests = server.URL, fakes(), 1, 10
	report, err := Run(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.MixUps != 1 || report.Wrong != 1 || report.Errors["429"] != 1 || report.Errors["500"] != 1 || report.OK != 8 ||
		report.Requests != 10 || len(report.Examples) != 4 || report.AudioSeconds != 12 || !report.Failed() {
		t.Errorf("%+v", report)
	}
	s.Allow = []string{"429", "500"}
	s.Clips = fakes()
	if report, err = Run(t.Context(), s, nil); err != nil || report.Failed() {
		t.Errorf("all is right now: %+v, %v", report, err)
	}
	var table strings.Builder
	if err := report.WriteText(&table); err != nil || !strings.Contains(strings.Join(strings.Fields(table.String()), " "), "mix-ups 0") {
		t.Errorf("%s, %v", &table, err)
	}
}

func TestAllowedErrorsAreNoFailure(t *testing.T) {
	server := answering(t, func(n int64, name string) (int, string) {
		if n%2 == 0 {
			return http.StatusTooManyRequests, ""
		}
		return http.StatusOK, name
	})
	s := DefaultScenario()
	s.URL, s.Clips, s.Clients, s.Requests, s.Allow = server.URL, fakes(), 2, 10, []string{"429"}
	report, err := Run(t.Context(), s, nil)
	if err != nil || report.Failed() || report.Errors["429"] != 5 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestOpenLoopDoesNotWait holds all answers back until as many requests have come as are to be made.
func TestOpenLoopDoesNotWait(t *testing.T) {
	const requests = 20
	all := make(chan struct{})
	server := answering(t, func(n int64, name string) (int, string) {
		if n == requests {
			close(all)
		}
		<-all
		return http.StatusOK, name
	})
	s := DefaultScenario()
	s.URL, s.Clips, s.Clients, s.Rate, s.Requests = server.URL, fakes(), 0, 500, requests
	report, err := Run(t.Context(), s, nil)
	if err != nil || report.OK != requests || report.Failed() {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestInterrupted returns what was measured.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := answering(t, func(n int64, name string) (int, string) {
		if n == 5 {
			cancel()
		}
		return http.StatusOK, name
	})
	s := DefaultScenario()
	s.URL, s.Clips, s.Clients = server.URL, fakes(), 1
	report, err := Run(ctx, s, nil)
	if err != nil || report.OK < 4 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestDropsAreSeen lets a server hang up on idle connections and on those that speak.
func TestDropsAreSeen(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		ws.Close(websocket.StatusInternalError, "keepalive")
	}))
	defer server.Close()
	s := DefaultScenario()
	s.URL, s.Protocol, s.Clients, s.Idle = server.URL, "ws", 3, true
	report, err := Run(t.Context(), s, nil)
	if err != nil || report.Errors["closed 1011"] != 3 || !report.Failed() {
		t.Errorf("%+v, %v", report, err)
	}
	s.Idle, s.Requests, s.Clips = false, 3, recordings(t, "hello.wav")
	report, err = Run(t.Context(), s, nil)
	if err != nil || report.Errors["closed 1011"] != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestImpossibleScenarios(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"no server":        func(s *Scenario) { s.URL = "here" },
		"no such protocol": func(s *Scenario) { s.Protocol = "smtp" },
		"no recordings":    func(s *Scenario) { s.Clips = nil },
		"no clients":       func(s *Scenario) { s.Clients = 0 },
		"negative rate":    func(s *Scenario) { s.Rate = -1 },
		"no time":          func(s *Scenario) { s.Duration = 0 },
		"backwards":        func(s *Scenario) { s.Pace = -1 },
		"idle HTTP":        func(s *Scenario) { s.Idle = true },
	} {
		s := DefaultScenario()
		s.Clips = fakes()
		change(&s)
		if _, err := Run(t.Context(), s, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := DefaultScenario()
	s.URL, s.Clips, s.Requests = server.URL, fakes(), 1
	report, err := Run(t.Context(), s, nil)
	if err != nil || report.Errors["no connection"] != 1 || !report.Failed() {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestQuantiles(t *testing.T) {
	var times []float64
	for i := 100; i > 0; i-- {
		times = append(times, float64(i))
	}
	if q := quantiles(times); q != (Quantiles{100, 50, 95, 99, 100}) {
		t.Errorf("%+v", q)
	}
	if q := quantiles([]float64{7}); q != (Quantiles{1, 7, 7, 7, 7}) {
		t.Errorf("%+v", q)
	}
	if q := quantiles(nil); q != (Quantiles{}) {
		t.Errorf("%+v", q)
	}
}

func TestNormal(t *testing.T) {
	for text, want := range map[string]string{
		"<|zh|><|NEUTRAL|>你好，打开 灯。": "你好打开灯", "Hello, World!": "helloworld", "<|never closed": "<|neverclosed", "": "", "a\xffb": "a\ufffdb",
	} {
		if got := normal(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestReportIsJSON(t *testing.T) {
	var r recorder
	r.begin()
	s := DefaultScenario()
	data, err := json.Marshal(r.report(&s))
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%s, %v", data, err)
	}
}
