package metrics

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sensevoice/internal/batch"
)

func TestText(t *testing.T) {
	m := New("1.0", `mo"del\`, "cpu")
	m.Begin()
	m.Begin()
	m.End("POST /x", 200, 7*time.Millisecond)
	m.Reject("rate\nlimit")
	m.Recording(2*time.Second, Stages{Queue: time.Second}, time.Second)
	m.Recording(0, Stages{}, time.Second)
	m.Live(2*time.Second, Stages{Queue: time.Second, VAD: time.Second, Encode: 2 * time.Second})
	m.Batch(batch.BatchReport{Segments: 3, Seconds: 4.5, Encode: time.Second})
	m.Batch(batch.BatchReport{Err: errors.New("x")})
	m.Watch(func() batch.Stats { return batch.Stats{Bytes: 17, Counts: batch.Counts{Batches: 2}} })
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4; charset=utf-8") {
		t.Error(got)
	}
	text := w.Body.String()
	for _, want := range []string{
		`sensevoice_build_info{device="cpu",model="mo\"del\\",version="1.0"} 1`,
		"# TYPE sensevoice_requests_total counter",
		`sensevoice_requests_total{route="POST /x",status="200"} 1`,
		"sensevoice_requests_in_flight 1",
		`sensevoice_rejects_total{reason="rate\nlimit"} 1`,
		"# TYPE sensevoice_request_seconds histogram",
		`sensevoice_request_seconds_bucket{route="POST /x",le="0.005"} 0`,
		`sensevoice_request_seconds_bucket{route="POST /x",le="0.01"} 1`,
		`sensevoice_request_seconds_bucket{route="POST /x",le="+Inf"} 1`,
		`sensevoice_request_seconds_sum{route="POST /x"} 0.007`,
		`sensevoice_stage_seconds_count{stage="queue"} 3`,
		`sensevoice_stage_seconds_count{stage="decode"} 2`,
		`sensevoice_stage_seconds_sum{stage="vad"} 1`,
		`sensevoice_stage_seconds_sum{stage="encode"} 2`,
		"sensevoice_audio_seconds_total 2",
		"sensevoice_real_time_factor_sum 2.5",
		`sensevoice_batch_segments_bucket{le="2"} 0`,
		`sensevoice_batch_segments_bucket{le="4"} 1`,
		"sensevoice_batch_failures_total 1",
		"sensevoice_queue_bytes 17",
		"sensevoice_batches_total 2",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, namespace+"_") {
			t.Errorf("line %q", line)
		}
	}
}

// page is what is answered to who looks.
func page(m *Metrics) string {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestNamesAreUnique(t *testing.T) {
	m := New("", "", "")
	defer func() {
		if recover() == nil {
			t.Error("two metrics have one name")
		}
	}()
	m.Gauge("requests_total", "", nil)
}

func TestManyAtOnce(t *testing.T) {
	m := New("", "", "")
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 200 {
				m.Begin()
				m.End("r", 200, time.Millisecond)
				page(m)
			}
		})
	}
	work.Wait()
	if want := `sensevoice_requests_total{route="r",status="200"} 1600`; !strings.Contains(page(m), want) {
		t.Errorf("no %s", want)
	}
}
