package load

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// outcome is what came of a recording.
type outcome struct {
	text  string
	took  time.Duration
	waits []wait // of streams: one for each segment
	err   error
	kind  string // of the error, for counting: a status, or what happened
}

// wait is how long a final result took.
type wait struct {
	speech time.Duration // after the end of the speech
	known  time.Duration // after it could be known that the speech had ended
}

// Quantiles are of times in milliseconds.
type Quantiles struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// Report is what was measured.
type Report struct {
	Protocol string         `json:"protocol"`
	Seconds  float64        `json:"seconds"`  // from the first request to the last answer
	Requests int            `json:"requests"` // recordings that were sent, or connections that stayed idle
	OK       int            `json:"ok"`
	Errors   map[string]int `json:"errors"`   // by kind: a status of HTTP, "closed 1001", "timeout", ...
	Examples []string       `json:"examples"` // of errors and wrong texts, a few

	MixUps int `json:"mix_ups"`     // answers that are the text of another recording
	Wrong  int `json:"wrong_texts"` // answers that are nobody's

	Latency Quantiles  `json:"latency"`                // HTTP: of the whole request. Streams: of the recording, its length included
	Speech  *Quantiles `json:"after_speech,omitempty"` // streams: of a final result, after the end of the speech
	Known   *Quantiles `json:"after_known,omitempty"`  // streams: after that end could be known: the pause had lasted, or the client had said so

	AudioSeconds float64 `json:"audio_s"` // of recordings answered
	Throughput   float64 `json:"audio_s_per_s"`
	Rate         float64 `json:"requests_per_s"`

	unexpected int
}

// Failed tells whether there was anything wrong that the scenario does not allow.
func (r *Report) Failed() bool { return r.MixUps > 0 || r.Wrong > 0 || r.unexpected > 0 || r.OK == 0 }

// recorder collects outcomes of all clients.
type recorder struct {
	mu       sync.Mutex
	start    time.Time
	last     time.Time
	sum      Report
	took     []float64 // ms
	speech   []float64
	known    []float64
	outcomes []judged
}

type judged struct {
	clip *Clip
	text string
}

const maxExamples = 5

func (r *recorder) begin() {
	r.start = time.Now()
	r.last = r.start
	r.sum.Errors = map[string]int{}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// add notes an outcome. The clip is nil for idle connections.
func (r *recorder) add(c *Clip, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	r.sum.Requests++
	if o.err != nil {
		r.sum.Errors[o.kind]++
		r.example("%s: %v", nameOf(c), o.err)
		return
	}
	r.sum.OK++
	if c == nil {
		return
	}
	r.took = append(r.took, milliseconds(o.took))
	r.sum.AudioSeconds += c.Duration.Seconds()
	for _, w := range o.waits {
		r.speech = append(r.speech, milliseconds(w.speech))
		r.known = append(r.known, milliseconds(w.known))
	}
	if text := normal(o.text); !slices.Contains(c.Texts, text) {
		r.outcomes = append(r.outcomes, judged{c, text})
	}
}

func nameOf(c *Clip) string {
	if c == nil {
		return "idle connection"
	}
	return c.Name
}

func (r *recorder) example(format string, values ...any) {
	if len(r.sum.Examples) < maxExamples {
		r.sum.Examples = append(r.sum.Examples, fmt.Sprintf(format, values...))
	}
}

// report sums up what has come so far.
func (r *recorder) report(s *Scenario) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.outcomes {
		if belongs(s.Clips, j.text) {
			r.sum.MixUps++
		} else {
			r.sum.Wrong++
		}
		r.example("%s: got %q, want %q", j.clip.Name, j.text, j.clip.Texts)
	}
	r.outcomes = nil
	out := r.sum
	out.Errors = maps.Clone(out.Errors)
	out.Examples = append([]string{}, out.Examples...)
	out.Protocol = s.Protocol
	out.Seconds = r.last.Sub(r.start).Seconds()
	if out.Seconds > 0 {
		out.Throughput, out.Rate = out.AudioSeconds/out.Seconds, float64(out.OK)/out.Seconds
	}
	out.Latency = quantiles(r.took)
	if s.streams() != nil && !s.Idle {
		speech, known := quantiles(r.speech), quantiles(r.known)
		out.Speech, out.Known = &speech, &known
	}
	for kind, n := range out.Errors {
		if !slices.Contains(s.Allow, kind) {
			out.unexpected += n
		}
	}
	return &out
}

func belongs(clips []Clip, text string) bool {
	return slices.ContainsFunc(clips, func(c Clip) bool { return slices.Contains(c.Texts, text) })
}

// quantiles are of nearest rank: each is a time that was measured.
func quantiles(times []float64) Quantiles {
	if len(times) == 0 {
		return Quantiles{}
	}
	sorted := slices.Sorted(slices.Values(times))
	at := func(q float64) float64 {
		return math.Round(sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]*10) / 10
	}
	return Quantiles{len(sorted), at(0.5), at(0.95), at(0.99), at(1)}
}

// WriteText writes a report as a table for people.
func (r *Report) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "requests\t%d\t(%d ok, %.1f a second, in %.1f s)\n", r.Requests, r.OK, r.Rate, r.Seconds)
	fmt.Fprintf(table, "audio\t%.1f s\t(%.1f s a second)\n", r.AudioSeconds, r.Throughput)
	fmt.Fprintf(table, "mix-ups\t%d\t(wrong texts: %d)\n", r.MixUps, r.Wrong)
	for _, kind := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(table, "error %s\t%d\n", kind, r.Errors[kind])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(table, "\nms\tp50\tp95\tp99\tmax\tcount\n")
	for _, line := range []struct {
		name string
		q    *Quantiles
	}{{"whole request", &r.Latency}, {"result after end of speech", r.Speech}, {"result after the end could be known", r.Known}} {
		if line.q != nil && line.q.Count > 0 {
			fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%d\n", line.name, line.q.P50, line.q.P95, line.q.P99, line.q.Max, line.q.Count)
		}
	}
	for _, e := range r.Examples {
		fmt.Fprintf(table, "\nfor example: %s", e)
	}
	if len(r.Examples) > 0 {
		fmt.Fprintln(table)
	}
	return table.Flush()
}
