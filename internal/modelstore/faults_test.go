package modelstore

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

const size = 300_000

func TestPullThroughFaults(t *testing.T) {
	data := content(size)
	longer := append(slices.Clone(data), 1)
	wrong := content(size + 1)[:size]
	linkedSize := fmt.Sprintf("X-Linked-Size: %d", size)
	date := func(after time.Duration) string { // the false clock begins there
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(after).Format(http.TimeFormat)
	}
	tests := []struct {
		name    string
		script  []answer
		linked  string
		noETag  bool
		err     string   // "" when the right file must come
		ranges  []string // of the requests, if they matter
		seconds float64  // that must pass at least
	}{
		{name: "no fault", ranges: []string{""}},
		{name: "checksum announced", linked: sumOf(data)},
		{name: "cut", script: []answer{cut(1000)}, ranges: []string{"", "bytes=1000-"}},
		{name: "cut before the first byte", script: []answer{cut(0)}, ranges: []string{"", ""}},
		{name: "cut twice", script: []answer{cut(1000), cut(2000)}, ranges: []string{"", "bytes=1000-", "bytes=2000-"}},
		{name: "cut ever again", script: slices.Repeat([]answer{cut(1000)}, 10), err: "given up after 6 attempts", seconds: 7},
		{name: "cut, and no way to resume", noETag: true, script: []answer{cut(1000)}, ranges: []string{"", ""}},
		{name: "stall", script: []answer{stall(1000)}, ranges: []string{"", "bytes=1000-"}, seconds: 30},
		{name: "stall before the answer", script: []answer{func(_ *hub, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}, seconds: 30},
		{name: "range ignored", script: []answer{cut(1000), send(data, false)}, ranges: []string{"", "bytes=1000-"}},
		{name: "range from elsewhere", script: []answer{cut(1000), lieAboutRange(fmt.Sprintf("bytes 100-%d/%d", size-1, size))}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range of another size", script: []answer{cut(1000), lieAboutRange(fmt.Sprintf("bytes 1000-%d/%d", size+99, size+100))}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range not to the end", script: []answer{cut(1000), lieAboutRange(fmt.Sprintf("bytes 1000-1999/%d", size))}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range nonsense", script: []answer{cut(1000), lieAboutRange("bytes */7")}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range missing", script: []answer{cut(1000), lieAboutRange("")}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range refused", script: []answer{cut(1000), status(416)}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "range not asked for", script: []answer{lieAboutRange(fmt.Sprintf("bytes 100-%d/%d", size-1, size))}, err: "sends a part of the file when asked for the whole"},
		{name: "wrong bytes", linked: sumOf(data), script: []answer{send(wrong, false)}, err: "SHA-256"},
		{name: "wrong rest", linked: sumOf(data), script: []answer{cut(1000), wrongRest}, ranges: []string{"", "bytes=1000-", ""}},
		{name: "too long", script: []answer{send(longer, true, linkedSize)}, err: "sends more than the 300000 bytes"},
		{name: "too long by its own word", script: []answer{send(longer, false, linkedSize)}, err: "has 300001 bytes, not the 300000"},
		{name: "too short", script: []answer{send(data[:1000], true, linkedSize)}, ranges: []string{"", "bytes=1000-"}},
		{name: "length unknown", script: []answer{send(data, true)}},
		{name: "length unknown, end not marked", script: []answer{send(data, true, "Transfer-Encoding: identity")}, err: "does not say how long"},
		{name: "empty", script: []answer{send(nil, false)}, err: "is empty"},
		{name: "compressed", script: []answer{send(data, false, "Content-Encoding: gzip")}, err: "compresses"},
		{name: "web page", script: []answer{send(data, false, "Content-Type: text/html; charset=utf-8")}, err: "a web page came"},
		{name: "404", script: []answer{status(404)}, err: "404 Not Found: no such file there", ranges: []string{""}},
		{name: "403", script: []answer{status(403)}, err: "403 Forbidden: the server refuses", ranges: []string{""}},
		{name: "429", script: []answer{status(429, "Retry-After: 100")}, ranges: []string{"", ""}, seconds: 100},
		{name: "429 with a date", script: []answer{status(429, "Retry-After: "+date(2*time.Minute))}, ranges: []string{"", ""}, seconds: 119},
		{name: "429 for too long", script: []answer{status(429, "Retry-After: 86400")}, err: "come back in 24h0m0s", ranges: []string{""}},
		{name: "429 ever again", script: slices.Repeat([]answer{status(429)}, 10), err: "429 Too Many Requests"},
		{name: "500 twice", script: []answer{status(500), status(503)}, ranges: []string{"", "", ""}},
		{name: "204", script: []answer{status(204)}, err: "204"},
		{name: "redirects in a circle", script: slices.Repeat([]answer{status(302, "Location: /round")}, 20), err: "more than 10 redirects"},
		{name: "redirect to a local file", script: []answer{status(302, "Location: file:///etc/passwd")}, err: `a redirect to "file"`},
		{name: "redirect", script: []answer{status(307, "Location: /some/model.gguf", "X-Linked-Etag: "+sumOf(data))}},
		{name: "redirect, wrong bytes", script: []answer{status(307, "Location: /some/model.gguf", "X-Linked-Etag: "+sumOf(wrong))}, err: "that the hub announced"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(data)
			h.script, h.linked = test.script, test.linked
			if test.noETag {
				h.etag = ""
			}
			onBench(t, h, func(t *testing.T, b *bench) {
				start := time.Now()
				_, err := b.pull(t.Context(), modelURL)
				if test.err == "" {
					if err != nil {
						t.Fatal(err)
					}
					b.holds(t, "model", "model.gguf", data)
				} else {
					wantError(t, err, test.err)
					b.lacks(t, "model")
				}
				if passed := time.Since(start).Seconds(); passed < test.seconds || passed > test.seconds+60 {
					t.Errorf("%.1f s passed, want at least %v", passed, test.seconds)
				}
				if test.ranges != nil && !slices.Equal(b.ranges, test.ranges) {
					t.Errorf("asked for the ranges %q, want %q", b.ranges, test.ranges)
				}
				if test.err != "" { // whatever happened, a good server then makes it good
					b.script, b.linked, b.etag = nil, "", `"v1"`
					if _, err := b.pull(t.Context(), modelURL); err != nil {
						t.Fatal(err)
					}
					b.holds(t, "model", "model.gguf", data)
				}
			})
		})
	}
}

// wrongRest honours a range with bytes that are not of the file.
func wrongRest(h *hub, w http.ResponseWriter, r *http.Request) {
	h.mark(w)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 1000-%d/%d", size-1, size))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(make([]byte, size-1000))
}
