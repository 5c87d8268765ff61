package metrics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sensevoice/internal/golden"
)

// TestDashboard finds every metric that the dashboard shows in the sources: one that is renamed would leave an empty panel.
func TestDashboard(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden.Root(), "deploy", "grafana-dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(data) {
		t.Fatal("not JSON")
	}
	sources := ""
	for _, name := range []string{"internal/metrics/metrics.go", "cmd/sensevoice/serve.go"} {
		source, err := os.ReadFile(filepath.Join(golden.Root(), filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		sources += string(source)
	}
	shown := map[string]bool{}
	for _, name := range regexp.MustCompile(`sensevoice_[a-z_]+`).FindAllString(string(data), -1) {
		shown[strings.TrimSuffix(strings.TrimPrefix(name, namespace+"_"), "_bucket")] = true
	}
	for name := range shown {
		if !strings.Contains(sources, `"`+name+`"`) {
			t.Errorf("there is no metric %s_%s", namespace, name)
		}
	}
	if len(shown) < 15 {
		t.Errorf("only %d metrics", len(shown))
	}
}
