package gpus

import (
	"context"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/api/apitest"
	"sensevoice/internal/gpu"
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

func TestFree(t *testing.T) {
	url, _ := serve(t)
	for body, want := range map[string]string{"": `{"level":"trim","workers":0}`, `{"level":"all"}`: `{"level":"all","workers":0}`} {
		apitest.Do(t, "POST", url+"/api/v1/gpu/free", strings.NewReader(body)).Check(t, 200, want)
	}
	for _, body := range []string{`{"level":"everything"}`, `{"levle":"trim"}`, `[`} {
		apitest.Do(t, "POST", url+"/api/v1/gpu/free", strings.NewReader(body)).Check(t, 422, "must be")
	}
}
