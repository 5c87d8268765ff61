package metrics

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// family is one metric with all of its labels. It writes itself in Prometheus' text format, version 0.0.4.
type family interface {
	write(out *bytes.Buffer)
}

// head is what every family has.
type head struct {
	name, help, kind string
	labels           []string // names
}

func (h *head) write(out *bytes.Buffer) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", h.name, escape.Replace(h.help), h.name, h.kind)
}

// escape is what the format asks for in help texts and, with the quote, in values of labels.
var (
	escape      = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// line writes one sample. values are of the family's labels; extra is one more label, "" for none.
func (h *head) line(out *bytes.Buffer, suffix string, values []string, extra, extraValue string, x float64) {
	out.WriteString(h.name + suffix)
	var pairs []string
	for i, v := range values {
		pairs = append(pairs, h.labels[i]+`="`+escapeValue.Replace(strings.ToValidUTF8(v, "\uFFFD"))+`"`)
	}
	if extra != "" {
		pairs = append(pairs, extra+`="`+extraValue+`"`)
	}
	if len(pairs) > 0 {
		out.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	out.WriteString(" " + format(x) + "\n")
}

func format(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// vector is a family of numbers that go up or down, one for each combination of labels.
type vector struct {
	head
	mu      sync.Mutex
	samples map[string]*sample
}

type sample struct {
	values []string
	x      float64
}

// separator stands between the values of labels in a key: it is in no UTF-8 text.
const separator = "\xff"

// Add adds to the number with these labels.
func (v *vector) Add(x float64, values ...string) {
	key := strings.Join(values, separator)
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.samples[key]
	if s == nil {
		s = &sample{values: slices.Clone(values)}
		v.samples[key] = s
	}
	s.x += x
}

func (v *vector) write(out *bytes.Buffer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.head.write(out)
	for _, key := range slices.Sorted(maps.Keys(v.samples)) {
		v.line(out, "", v.samples[key].values, "", "", v.samples[key].x)
	}
}

// histogram is a family of distributions: how many observations were at most as large as each bound.
type histogram struct {
	head
	bounds []float64
	mu     sync.Mutex
	series map[string]*distribution
}

type distribution struct {
	values []string
	counts []uint64 // of each bound, and of what is beyond the last
	sum    float64
}

// Observe adds an observation with these labels.
func (h *histogram) Observe(x float64, values ...string) {
	key := strings.Join(values, separator)
	at, _ := slices.BinarySearch(h.bounds, x)
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.series[key]
	if d == nil {
		d = &distribution{values: slices.Clone(values), counts: make([]uint64, len(h.bounds)+1)}
		h.series[key] = d
	}
	d.counts[at]++
	d.sum += x
}

func (h *histogram) write(out *bytes.Buffer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head.write(out)
	for _, key := range slices.Sorted(maps.Keys(h.series)) {
		d, total := h.series[key], uint64(0)
		for i, n := range d.counts {
			total += n
			bound := "+Inf"
			if i < len(h.bounds) {
				bound = format(h.bounds[i])
			}
			h.line(out, "_bucket", d.values, "le", bound, float64(total))
		}
		h.line(out, "_sum", d.values, "", "", d.sum)
		h.line(out, "_count", d.values, "", "", float64(total))
	}
}

// function is a number that is asked for when it is looked at.
type function struct {
	head
	value func() float64
}

func (f *function) write(out *bytes.Buffer) {
	f.head.write(out)
	f.line(out, "", nil, "", "", f.value())
}

// functions is numbers with labels that are asked for when they are looked at.
type functions struct {
	head
	samples func() []Sample
}

func (f *functions) write(out *bytes.Buffer) {
	f.head.write(out)
	for _, s := range f.samples() {
		f.line(out, "", s.Values, "", "", s.Number)
	}
}

// exponential returns n bounds from start, each the double of the one before.
func exponential(start float64, n int) []float64 {
	bounds := make([]float64, n)
	for i := range bounds {
		bounds[i] = start
		start *= 2
	}
	return bounds
}
