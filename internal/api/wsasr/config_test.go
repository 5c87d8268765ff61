package wsasr

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/api"
)

// TestEndSilence has the pause from the client, else from the server's settings, else from the protocol.
func TestEndSilence(t *testing.T) {
	for _, test := range []struct {
		server time.Duration
		client string
		want   int
	}{
		{0, `{}`, 350},
		{650 * time.Millisecond, `{}`, 650},
		{650 * time.Millisecond, `{"max_end_silence_time":0}`, 0},
		{0, `{"max_end_silence_time":800}`, 800},
	} {
		c, wrong := defaultConfig(&api.Backend{Silence: test.server}).with(json.RawMessage(test.client))
		if got := c.recognition.Detection.MaxEndSilenceTime; wrong != nil || got != test.want {
			t.Errorf("%+v: %d, %v", test, got, wrong)
		}
	}
	for _, client := range []string{`{"max_end_silence_time":60001}`, `{"max_end_silence_time":-1}`} {
		if _, wrong := defaultConfig(&api.Backend{}).with(json.RawMessage(client)); wrong == nil || !strings.Contains(wrong.Message, "max_end_silence_time") {
			t.Errorf("%s: %+v", client, wrong)
		}
	}
}

// TestVADOnAgain cuts by the clock while detection is off, and no longer.
func TestVADOnAgain(t *testing.T) {
	c := defaultConfig(&api.Backend{})
	for _, test := range []struct {
		message string
		want    int
		like    bool // the one before
	}{
		{`{"chunk_duration":5}`, 30000, true},
		{`{"use_vad":false}`, 5000, false},
		{`{"chunk_duration":6}`, 6000, false},
		{`{"partial_results":false}`, 6000, true},
		{`{"use_vad":true}`, 30000, false},
	} {
		changed, wrong := c.with(json.RawMessage(test.message))
		if got := changed.recognition.Detection.MaxSingleSegmentTime; wrong != nil || got != test.want || changed.recognizesLike(&c) != test.like {
			t.Errorf("%s: %d, %v", test.message, got, wrong)
		}
		c = changed
	}
}
