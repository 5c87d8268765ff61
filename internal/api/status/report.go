package status

import (
	"net/http"
	"time"

	"sensevoice/internal/api"
)

// Report is the answer to GET /api/v1/status: the Python service's keys first.
type Report struct {
	Status      string      `json:"status"` // "running" or "draining"
	Initialized bool        `json:"model_initialized"`
	Streaming   bool        `json:"has_streaming_model"`
	Connections int64       `json:"connections"`
	Stats       Connections `json:"connection_stats"`
	Settings    Settings    `json:"settings"`

	Version string  `json:"version"`
	Queue   Queue   `json:"queue"`
	Memory  []Share `json:"memory"`
}

// Connections are counts about WebSockets.
type Connections struct {
	Active   int64 `json:"active_connections"`
	Messages int64 `json:"total_messages_received"`
	Chunks   int64 `json:"total_audio_chunks_processed"`
	Errors   int64 `json:"total_errors"`
}

// Settings are what the server was told.
type Settings struct {
	Device     string `json:"device"`
	Model      string `json:"model_dir"`
	SampleRate int    `json:"target_sample_rate"`
}

// Queue is what waits and runs.
type Queue struct {
	Waiting int     `json:"segments_waiting"`
	Running int     `json:"segments_running"`
	Seconds float64 `json:"audio_seconds"`
	Bytes   int64   `json:"bytes"`
	Speed   float64 `json:"speed"` // seconds of sound that an engine computes in a second
}

// Share is a budget of host memory or disk.
type Share struct {
	Name  string `json:"name"`
	Used  int64  `json:"used_bytes"`
	Limit int64  `json:"limit_bytes"`
}

func (s *Service) status(w http.ResponseWriter, _ *http.Request) error {
	stats := s.Queue.Stats()
	report := Report{
		Status: "running", Initialized: s.initialized(), Streaming: true, Connections: s.Sockets.Open(),
		Stats:    Connections{s.Sockets.Open(), s.Sockets.Messages.Load(), s.Sockets.Chunks.Load(), s.Sockets.Errors.Load()},
		Settings: Settings{s.Device, s.ModelName, 16000},
		Version:  s.Version,
		Queue:    Queue{stats.Queued + stats.Waiting, stats.Running, stats.Seconds, stats.Bytes, stats.Speed},
		Memory: []Share{
			{"uploads", s.Uploads.Used(), s.Uploads.Size()},
			{"work", s.Work.Used(), s.Work.Size()},
			{"spool", s.Spool.Room().Used(), s.Spool.Room().Size()},
		},
	}
	if s.IsDraining() {
		report.Status = "draining"
	}
	return api.WriteJSON(w, http.StatusOK, report)
}

// initialized reports whether the model has answered a probe.
func (s *Service) initialized() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.last.At.IsZero() && s.last.Err == nil
}

// Healthy reports whether the last probe went well and is no older than that: for a watchdog.
func (s *Service) Healthy(age time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Err == nil && time.Since(s.last.At) <= age
}
