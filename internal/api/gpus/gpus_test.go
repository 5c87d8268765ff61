package gpus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/api/apitest"
	"sensevoice/internal/gpu"
	"sensevoice/internal/metrics"
)

func serve(t *testing.T) (url string, looks *int) {
	t.Helper()
	looks = new(int)
	s := &Service{Device: "cpu", Reason: "this version has no GPU engine yet", Look: func(context.Context) *gpu.Snapshot {
		*looks++
		return &gpu.Snapshot{Time: time.Unix(1, 0).UTC(), Driver: "550.54", Devices: []gpu.Device{{UUID: "GPU-a", Total: 5, Free: 3, Processes: []gpu.Process{}}}}
	}}
	return apitest.New(t, apitest.Options{}).Serve(t, s.Routes()...), looks
}

func TestReport(t *testing.T) {
	url, looks := serve(t)
	for range 3 {
		apitest.Do(t, "GET", url+"/api/v1/gpu", nil).Check(t, 200, `"driver":"550.54"`, `"uuid":"GPU-a"`, `"free":3`, `"device":"cpu"`,
			`"reason":"this version has no GPU engine yet"`, `"workers":[]`)
	}
	if *looks > 2 {
		t.Errorf("looked %d times for three requests at once", *looks)
	}
}

func TestMetrics(t *testing.T) {
	busy := 42
	s := &Service{Look: func(context.Context) *gpu.Snapshot {
		return &gpu.Snapshot{Devices: []gpu.Device{
			{Index: 3, UUID: "GPU-a", Name: "RTX \"4090\"", Total: 5, Free: 3, Used: 2, Utilisation: &busy}, {Index: 4, UUID: "GPU-b", Name: "lost"},
		}}
	}}
	m := metrics.New("1", "m", "cpu")
	s.Watch(m)
	page := httptest.NewRecorder()
	m.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := page.Body.String()
	for _, want := range []string{
		"# TYPE sensevoice_gpu_memory_free_bytes gauge\n",
		`sensevoice_gpu_memory_free_bytes{index="3",name="RTX \"4090\"",uuid="GPU-a"} 3` + "\n",
		`sensevoice_gpu_utilisation_percent{index="3",name="RTX \"4090\"",uuid="GPU-a"} 42` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "GPU-b") || strings.Contains(text, "temperature_celsius{") {
		t.Error("numbers that nobody measured")
	}
}

// TestHungDriver is not asked again for a while: each look may leave a process behind.
func TestHungDriver(t *testing.T) {
	hung := &gpu.Snapshot{Problems: []gpu.Problem{{Code: gpu.ProblemNVMLHang}}}
	if age(hung) != hungAge || age(&gpu.Snapshot{}) != maxAge || age(&gpu.Snapshot{Problems: []gpu.Problem{{Code: gpu.ProblemNoNVML}}}) != maxAge {
		t.Error("a driver that hangs is asked as often as any other")
	}
}

func TestFree(t *testing.T) {
	url, _ := serve(t)
	for body, want := range map[string]string{"": `{"level":"trim","workers":0}`, `{"level":"all"}`: `{"level":"all","workers":0}`} {
		apitest.Do(t, "POST", url+"/api/v1/gpu/free", strings.NewReader(body)).Check(t, 200, want)
	}
	for _, body := range []string{`{"level":"everything"}`, `{"levle":"trim"}`, `[`} {
		apitest.Do(t, "POST", url+"/api/v1/gpu/free", strings.NewReader(body)).Check(t, 422, "must be")
	}
}
