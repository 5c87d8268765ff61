package api

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	var out bytes.Buffer
	log, start := slog.New(slog.NewTextHandler(&out, nil)), time.Unix(1000, 0)
	var r refusals
	for ms := range 25_000 { // one each
		r.note(log, start.Add(time.Duration(ms)*time.Millisecond), &Error{Message: "too busy"})
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "count=1 ") || !strings.Contains(lines[1], "count=10000 ") || !strings.Contains(lines[2], `latest="too busy"`) {
		t.Errorf("%d lines: %s", len(lines), out.String())
	}
}
