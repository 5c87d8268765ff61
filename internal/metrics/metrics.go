// Package metrics counts what the server does, and tells it in Prometheus' text format.
package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sensevoice/internal/batch"
)

// Metrics are all counters of a server. Any number of goroutines may use them.
type Metrics struct {
	registry *prometheus.Registry
	page     http.Handler

	requests, rejects *prometheus.CounterVec
	running           prometheus.Gauge
	sound, failed     prometheus.Counter

	latency, stages                                        *prometheus.HistogramVec
	rtf, batchSegments, batchSeconds, batchTime, clipQueue prometheus.Histogram
}

const namespace = "sensevoice"

// New makes the counters of a server.
func New(version, model, device string) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{registry: registry, page: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	build := m.gauges("build_info", "1, with what the server is.", "version", "model", "device")
	build.WithLabelValues(valid(version), valid(model), valid(device)).Set(1)
	m.requests = m.counters("requests_total", "Requests answered, by route and HTTP status.", "route", "status")
	m.running = m.gauges("requests_in_flight", "Requests that are being answered.").WithLabelValues()
	m.rejects = m.counters("rejects_total", "Requests turned away, by reason.", "reason")
	m.latency = m.histograms("request_seconds", "Time from a request's header to its answer's end, by route.", 0.005, 16, "route")
	m.stages = m.histograms("stage_seconds", "Time that a recording, or a result of a stream, spent in a stage: queue, decode, vad or encode.", 0.001, 18, "stage")
	m.sound = m.counters("audio_seconds_total", "Seconds of sound recognised.").WithLabelValues()
	m.rtf = m.histogram("real_time_factor", "Time of a request, or of the work that led to a result of a stream, over the length of its sound.", 0.002, 14)
	m.batchSegments = m.histogram("batch_segments", "Segments in a batch.", 1, 10)
	m.batchSeconds = m.histogram("batch_audio_seconds", "Seconds of sound in a batch.", 0.25, 12)
	m.batchTime = m.histogram("batch_seconds", "Time that a batch took on the engine.", 0.001, 15)
	m.clipQueue = m.histogram("segment_queue_seconds", "Time that a segment waited for room, company and the engine.", 0.001, 16)
	m.failed = m.counters("batch_failures_total", "Batches that failed.").WithLabelValues()
	return m
}

// register adds a metric. That its name is taken is a fault of the program that every start shows.
func register[C prometheus.Collector](m *Metrics, c C) C {
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return register(m, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(m, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

// histograms have count bounds from the first on, each twice the one before.
func (m *Metrics) histograms(name, help string, first float64, count int, labels ...string) *prometheus.HistogramVec {
	return register(m, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 2, count),
	}, labels))
}

func (m *Metrics) histogram(name, help string, first float64, count int) prometheus.Histogram {
	return m.histograms(name, help, first, count).WithLabelValues().(prometheus.Histogram) // as its documentation promises
}

// Gauge adds a number that is asked for when it is looked at. Its name gets "sensevoice_" in front.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	register(m, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
}

// Counter adds a number that only grows and is asked for when it is looked at. Its name gets "sensevoice_" in front.
func (m *Metrics) Counter(name, help string, value func() float64) {
	register(m, prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, value))
}

// Sample is one number of a gauge with labels.
type Sample struct {
	Values []string // of the labels, in their order
	Number float64
}

// Gauges adds numbers with labels that are asked for when they are looked at; those that are absent are not shown.
func (m *Metrics) Gauges(name, help string, labels []string, samples func() []Sample) {
	name = prometheus.BuildFQName(namespace, "", name)
	register(m, &lookup{prometheus.NewDesc(name, help, labels, nil), samples})
}

// lookup is a gauge whose samples are asked for.
type lookup struct {
	desc    *prometheus.Desc
	samples func() []Sample
}

// Describe implements [prometheus.Collector].
func (l *lookup) Describe(out chan<- *prometheus.Desc) { out <- l.desc }

// Collect implements [prometheus.Collector].
func (l *lookup) Collect(out chan<- prometheus.Metric) {
	for _, s := range l.samples() {
		values := make([]string, len(s.Values))
		for i, v := range s.Values {
			values[i] = valid(v)
		}
		out <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, s.Number, values...)
	}
}

// valid is a label's value as the format can write it. Names of devices come from drivers, and those of models from users.
func valid(label string) string { return strings.ToValidUTF8(label, "\uFFFD") }

// ServeHTTP answers with all counters.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.page.ServeHTTP(w, r) }

// Begin counts a request that is being answered, until End.
func (m *Metrics) Begin() { m.running.Inc() }

// End counts a request that has been answered.
func (m *Metrics) End(route string, status int, took time.Duration) {
	m.running.Dec()
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
}

// Reject counts a request that was turned away.
func (m *Metrics) Reject(reason string) { m.rejects.WithLabelValues(reason).Inc() }

// Stages are the times of a recording.
type Stages struct {
	Queue, Decode, VAD, Encode time.Duration
}

// Recording counts a recording of so much sound, whose request has lasted so long.
func (m *Metrics) Recording(sound time.Duration, s Stages, request time.Duration) {
	m.stages.WithLabelValues("decode").Observe(s.Decode.Seconds())
	m.Sound(sound)
	m.recognized(sound, s, request)
}

// Sound counts sound that was heard.
func (m *Metrics) Sound(sound time.Duration) { m.sound.Add(sound.Seconds()) }

// Live counts what led to a result of a stream: the sound since the result before, which [Metrics.Sound] has counted as it came, and the
// work on it. The stream itself lasts as long as its sound, which says nothing, and what decodes it is part of its protocol.
func (m *Metrics) Live(sound time.Duration, s Stages) { m.recognized(sound, s, s.Queue+s.VAD+s.Encode) }

// recognized counts the stages that recordings and streams have, and what all took.
func (m *Metrics) recognized(sound time.Duration, s Stages, took time.Duration) {
	m.stages.WithLabelValues("queue").Observe(s.Queue.Seconds())
	m.stages.WithLabelValues("vad").Observe(s.VAD.Seconds())
	m.stages.WithLabelValues("encode").Observe(s.Encode.Seconds())
	if sound > 0 {
		m.rtf.Observe(took.Seconds() / sound.Seconds())
	}
}

// Batch implements batch.Observer.
func (m *Metrics) Batch(r batch.BatchReport) {
	if r.Err != nil {
		m.failed.Inc()
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
