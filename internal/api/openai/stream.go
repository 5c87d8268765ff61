package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/transcript"
)

// delta is an event of a streamed answer: what was recognised since the last.
type delta struct {
	Type      string    `json:"type"` // "transcript.text.delta"
	Delta     string    `json:"delta"`
	LogProbs  []LogProb `json:"logprobs,omitempty"`
	SegmentID string    `json:"segment_id"`
}

// done is the last event.
type done struct {
	Type     string    `json:"type"` // "transcript.text.done"
	Text     string    `json:"text"`
	LogProbs []LogProb `json:"logprobs,omitempty"`
	Usage    Usage     `json:"usage"`
}

// heartbeat is how often a comment is sent while nothing happens, so that proxies keep the connection.
const heartbeat = 15 * time.Second

// streamed answers with events as segments become known. The answer begins with the first of them, so what fails before has a status.
func (s *service) streamed(w http.ResponseWriter, r *http.Request, recording api.Recording, c *choice) error {
	events := &eventWriter{w: w, control: http.NewResponseController(w)}
	stop := events.beat()
	recording.Options.BatchLength = 0 // each segment comes as soon as it ends
	before, id := "", 0
	result, err := s.Recognize(r.Context(), recording, func(segment transcript.Segment) error {
		id++
		event := delta{Type: "transcript.text.delta", Delta: continued(before, segment.RawText), SegmentID: fmt.Sprintf("seg_%d", id)}
		if c.logprobs {
			event.LogProbs = logProbs(&segment)
		}
		if transcript.Clean(segment.RawText) == "" {
			return nil
		}
		before = segment.RawText
		return events.send(event)
	})
	stop()
	if err == nil {
		p := plain(result, c)
		return events.send(done{"transcript.text.done", p.Text, p.LogProbs, p.Usage})
	}
	if !events.begun() {
		return err
	}
	failure := api.Public(r.Context(), err)
	if events.send(api.OpenAI(failure)) != nil {
		return err
	}
	return api.Told(failure)
}

// continued is what a segment adds to the text: with a space in front where one is needed.
func continued(before, raw string) string {
	if before == "" {
		return transcript.Clean(raw)
	}
	return transcript.Clean(before, raw)[len(transcript.Clean(before)):]
}

// eventWriter writes server-sent events.
type eventWriter struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	control *http.ResponseController
	started bool
}

func (e *eventWriter) begun() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.started
}

// write sends a piece at once, after the header if it is the first.
func (e *eventWriter) write(piece []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.started {
		e.started = true
		e.w.Header().Set("Content-Type", "text/event-stream")
		e.w.Header().Set("Cache-Control", "no-cache")
		e.w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
		e.w.WriteHeader(http.StatusOK)
	}
	if _, err := e.w.Write(piece); err != nil {
		return err
	}
	return e.control.Flush()
}

func (e *eventWriter) send(event any) error {
	var line bytes.Buffer
	line.WriteString("data: ")
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil {
		return err
	}
	line.WriteByte('\n')
	return e.write(line.Bytes())
}

// beat sends comments while nothing happens, until it is stopped.
func (e *eventWriter) beat() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = e.write([]byte(": still listening\n\n")) // a client that left is seen by the request's context
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
