package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"sensevoice/internal/config"
	"sensevoice/internal/golden"
)

// others are variables in compose.yaml that are no settings of the server.
var others = []string{"SENSEVOICE_LANG", "PYTORCH_CUDA_ALLOC_CONF", "CUDA_DEVICE_ORDER", "NVIDIA_DRIVER_CAPABILITIES"}

// TestCompose holds compose.yaml to what the program knows, and to running with as little as it needs.
func TestCompose(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden.Root(), "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			ReadOnly    bool `yaml:"read_only"`
			User        string
			Tmpfs       []string
			CapDrop     []string `yaml:"cap_drop"`
			Build       struct{ Target string }
			Environment map[string]string
			Healthcheck struct{ Test []string }
			Deploy      struct {
				Resources struct {
					Reservations struct {
						Devices []struct {
							Driver       string
							Capabilities []string
						}
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	known := slices.Concat(slices.Collect(maps.Values(config.Variables()))...)
	for name, s := range file.Services {
		if !s.ReadOnly || s.User != "65532:65532" || len(s.Tmpfs) == 0 || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.Build.Target != name {
			t.Errorf("%s: %+v", name, s)
		}
		if test := s.Healthcheck.Test; len(test) != 3 || strings.TrimPrefix(test[1], "/") != "sensevoice" || test[2] != "health" {
			t.Errorf("%s: health check %q", name, test)
		}
		for v := range s.Environment {
			if !slices.Contains(known, v) && !slices.Contains(others, v) {
				t.Errorf("%s: %s is no setting", name, v)
			}
		}
	}
	if d := file.Services["gpu"].Deploy.Resources.Reservations.Devices; len(d) != 1 || d[0].Driver != "nvidia" || !slices.Contains(d[0].Capabilities, "gpu") {
		t.Errorf("the GPUs are not reserved: %+v", d)
	}
}

// TestDockerfile holds the images to what compose.yaml builds, without root and with a health check each.
func TestDockerfile(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden.Root(), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := regexp.MustCompile(`(?m)^FROM (\S+) AS (\S+)$`).FindAllStringSubmatchIndex(string(data), -1)
	text := map[string]string{}
	for i, s := range stages {
		end := len(data)
		if i+1 < len(stages) {
			end = stages[i+1][0]
		}
		text[string(data[s[4]:s[5]])] = string(data[s[0]:end])
	}
	for _, target := range []string{"cpu", "gpu"} {
		for _, want := range []string{"\nUSER 65532:65532\n", "\nHEALTHCHECK ", "\"health\"]\n", "\nENTRYPOINT ["} {
			if !strings.Contains(text[target], want) {
				t.Errorf("%s: no %q", target, strings.TrimSpace(want))
			}
		}
	}
	if !strings.HasPrefix(text["cpu"], "FROM scratch ") || strings.Contains(text["cpu"], "sensevoice-gpu") || !strings.Contains(text["gpu"], "NVIDIA_DRIVER_CAPABILITIES=compute,utility") {
		t.Error("the CPU's image has more than it needs, or the GPU's less")
	}
}

func TestHealthCommand(t *testing.T) {
	healthy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Error(r.URL.Path)
		}
		if !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, `{"status":"?"}`)
	}))
	defer server.Close()
	run := func(url string) (int, string) {
		var out bytes.Buffer
		p := &program{in: strings.NewReader(""), out: &out, err: &out, getenv: func(string) string { return "" }}
		return p.run(t.Context(), []string{"health", "--server", url}), out.String()
	}
	if code, out := run(server.URL); code != 0 || out != "{\"status\":\"?\"}\n" {
		t.Errorf("%d %s", code, out)
	}
	healthy = false
	if code, out := run(server.URL); code != exitFailed || !strings.Contains(out, "unhealthy (503 Service Unavailable)") {
		t.Errorf("%d %s", code, out)
	}
	server.Close()
	if code, out := run(server.URL); code != exitFailed || !strings.Contains(out, "no answer from the server") {
		t.Errorf("%d %s", code, out)
	}
}
