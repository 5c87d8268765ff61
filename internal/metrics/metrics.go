// Package metrics counts what the server does, and tells it in Prometheus' text format.
package metrics

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sensevoice/internal/batch"
)

// Metrics are all counters of a server. Any number of goroutines may use them.
type Metrics struct {
	mu       sync.Mutex // guards families
	families []family
	names    map[string]bool

	requests, running, rejects, sound, failed *vector

	latency, stages, rtf                              *histogram
	batchSegments, batchSeconds, batchTime, clipQueue *histogram
}

// New makes the counters of a server.
func New(version, model, device string) *Metrics {
	m := &Metrics{names: map[string]bool{}}
	m.vector("gauge", "build_info", "1, with what the server is.", "version", "model", "device").Add(1, version, model, device)
	m.requests = m.vector("counter", "requests_total", "Requests answered, by route and HTTP status.", "route", "status")
	m.running = m.vector("gauge", "requests_in_flight", "Requests that are being answered.")
	m.rejects = m.vector("counter", "rejects_total", "Requests turned away, by reason.", "reason")
	m.latency = m.histogram("request_seconds", "Time from a request's header to its answer's end, by route.", exponential(0.005, 16), "route")
	m.stages = m.histogram("stage_seconds", "Time that a recording spent in a stage: queue, decode, vad or encode.", exponential(0.001, 18), "stage")
	m.sound = m.vector("counter", "audio_seconds_total", "Seconds of sound recognised.")
	m.rtf = m.histogram("real_time_factor", "Time of a request over the length of its recording.", exponential(0.002, 14))
	m.batchSegments = m.histogram("batch_segments", "Segments in a batch.", exponential(1, 10))
	m.batchSeconds = m.histogram("batch_audio_seconds", "Seconds of sound in a batch.", exponential(0.25, 12))
	m.batchTime = m.histogram("batch_seconds", "Time that a batch took on the engine.", exponential(0.001, 15))
	m.clipQueue = m.histogram("segment_queue_seconds", "Time that a segment waited for room, company and the engine.", exponential(0.001, 16))
	m.failed = m.vector("counter", "batch_failures_total", "Batches that failed.")
	m.running.Add(0)
	m.sound.Add(0)
	m.failed.Add(0)
	return m
}

const namespace = "sensevoice_"

func (m *Metrics) head(kind, name, help string, labels []string) head {
	if name = namespace + name; m.names[name] {
		panic("metric " + name + " exists already") // a fault of the program that every start shows
	}
	m.names[name] = true
	return head{name, help, kind, labels}
}

func (m *Metrics) vector(kind, name, help string, labels ...string) *vector {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &vector{head: m.head(kind, name, help, labels), samples: map[string]*sample{}}
	m.families = append(m.families, v)
	return v
}

func (m *Metrics) histogram(name, help string, bounds []float64, labels ...string) *histogram {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &histogram{head: m.head("histogram", name, help, labels), bounds: bounds, series: map[string]*distribution{}}
	m.families = append(m.families, h)
	return h
}

// Gauge adds a number that is asked for when it is looked at. Its name gets "sensevoice_" in front.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.function("gauge", name, help, value)
}

// Sample is one number of a gauge with labels.
type Sample struct {
	Values []string // of the labels, in their order
	Number float64
}

// Gauges adds numbers with labels that are asked for when they are looked at; those that are absent are not shown.
func (m *Metrics) Gauges(name, help string, labels []string, samples func() []Sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.families = append(m.families, &functions{m.head("gauge", name, help, labels), samples})
}

// Counter adds a number that only grows and is asked for when it is looked at. Its name gets "sensevoice_" in front.
func (m *Metrics) Counter(name, help string, value func() float64) {
	m.function("counter", name, help, value)
}

func (m *Metrics) function(kind, name, help string, value func() float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.families = append(m.families, &function{m.head(kind, name, help, nil), value})
}

// Bytes returns all counters as they are now.
func (m *Metrics) Bytes() []byte {
	m.mu.Lock()
	families := m.families
	m.mu.Unlock()
	var out bytes.Buffer
	for _, f := range families {
		f.write(&out)
	}
	return out.Bytes()
}

// ServeHTTP answers with all counters.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(m.Bytes()) // who asked may have left
}

// Begin counts a request that is being answered, until End.
func (m *Metrics) Begin() { m.running.Add(1) }

// End counts a request that has been answered.
func (m *Metrics) End(route string, status int, took time.Duration) {
	m.running.Add(-1)
	m.requests.Add(1, route, strconv.Itoa(status))
	m.latency.Observe(took.Seconds(), route)
}

// Reject counts a request that was turned away.
func (m *Metrics) Reject(reason string) { m.rejects.Add(1, reason) }

// Stages are the times of a recording.
type Stages struct {
	Queue, Decode, VAD, Encode time.Duration
}

// Recording counts a recording of so much sound, whose request has lasted so long.
func (m *Metrics) Recording(sound time.Duration, s Stages, request time.Duration) {
	m.stages.Observe(s.Queue.Seconds(), "queue")
	m.stages.Observe(s.Decode.Seconds(), "decode")
	m.stages.Observe(s.VAD.Seconds(), "vad")
	m.stages.Observe(s.Encode.Seconds(), "encode")
	m.sound.Add(sound.Seconds())
	if sound > 0 {
		m.rtf.Observe(request.Seconds() / sound.Seconds())
	}
}

// Batch implements batch.Observer.
func (m *Metrics) Batch(r batch.BatchReport) {
	if r.Err != nil {
		m.failed.Add(1)
		return
	}
	m.batchSegments.Observe(float64(r.Segments))
	m.batchSeconds.Observe(r.Seconds)
	m.batchTime.Observe(r.Encode.Seconds())
}

// Clip implements batch.Observer.
func (m *Metrics) Clip(r batch.ClipReport) { m.clipQueue.Observe(r.Queue.Seconds()) }

// Refused implements batch.Observer. The request is counted with its reason where it is answered.
func (m *Metrics) Refused(error) {}

var _ batch.Observer = (*Metrics)(nil)

// Watch adds the numbers of a scheduler.
func (m *Metrics) Watch(stats func() batch.Stats) {
	for _, g := range []struct {
		name, help string
		value      func(batch.Stats) float64
	}{
		{"queue_bytes", "Memory of the segments that wait or run.", func(s batch.Stats) float64 { return float64(s.Bytes) }},
		{"queue_audio_seconds", "Seconds of sound that wait or run.", func(s batch.Stats) float64 { return s.Seconds }},
		{"queue_segments", "Segments that wait for an engine.", func(s batch.Stats) float64 { return float64(s.Queued) }},
		{"queue_waiting_segments", "Segments that wait for room in the queue.", func(s batch.Stats) float64 { return float64(s.Waiting) }},
		{"running_segments", "Segments that an engine computes.", func(s batch.Stats) float64 { return float64(s.Running) }},
		{"engine_speed", "Seconds of sound that one engine computes in a second, as measured.", func(s batch.Stats) float64 { return s.Speed }},
		{"arena_plan_bytes", "Working memory planned for the largest batch so far, of one engine.", func(s batch.Stats) float64 { return float64(s.ArenaBytes) }},
	} {
		m.Gauge(g.name, g.help, func() float64 { return g.value(stats()) })
	}
	for _, c := range []struct {
		name, help string
		value      func(batch.Stats) uint64
	}{
		{"batches_total", "Batches that ran.", func(s batch.Stats) uint64 { return s.Batches }},
		{"segments_total", "Segments with a result.", func(s batch.Stats) uint64 { return s.Clips }},
		{"segments_cancelled_total", "Segments whose client left, or whose deadline passed.", func(s batch.Stats) uint64 { return s.Cancelled }},
		{"segments_failed_total", "Segments that failed.", func(s batch.Stats) uint64 { return s.Failed }},
		{"batch_overtakes_total", "Batches that ran between two blocks of a longer one.", func(s batch.Stats) uint64 { return s.Overtakes }},
		{"batch_halvings_total", "Batches made smaller since memory was refused.", func(s batch.Stats) uint64 { return s.Halvings }},
	} {
		m.Counter(c.name, c.help, func() float64 { return float64(c.value(stats())) })
	}
}
