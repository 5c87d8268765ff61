package modelstore

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"a","files":[{"name":"model.pt","url":"https://hub/model.pt","size":3,"sha256":"` +
		strings.Repeat("0f", 32) + `","trust":"first-use","pulled":"2026-11-24T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"name":"../a","files":[{"name":"..","size":-1}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, offset, err := parseManifest(data)
		if err != nil {
			if offset < -1 || offset > int64(len(data)) {
				t.Errorf("offset %d of %d bytes", offset, len(data))
			}
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(file.Name) || filepath.Base(file.Name) != file.Name || file.Size < 1 {
				t.Errorf("%+v was accepted", file)
			}
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := parseManifest(again); err != nil {
			t.Errorf("%s, written from %s: %v", again, data, err)
		}
	})
}

func FuzzParsePullState(f *testing.F) {
	f.Add([]byte(`{"files":{"model.pt":{"name":"model.pt","url":"https://hub/model.pt","size":-1,"sha256":"","trust":"","pulled":"0001-01-01T00:00:00Z","have":5,"validator":"\"a\""}}}`))
	f.Add([]byte(`{"files":{"..":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parsePullState(data)
		if err != nil {
			return
		}
		if s.bytes() < 0 {
			t.Errorf("%d bytes", s.bytes())
		}
		for name, r := range s.Files {
			if filepath.Base(name) != name || r.Have < 0 {
				t.Errorf("%s: %+v was accepted", name, r)
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes */10")
	f.Add("bytes 0-18446744073709551615/18446744073709551615")
	f.Add("120")
	f.Add("Fri, 31 Dec 1999 23:59:59 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := parseContentRange(text); err == nil && (r.first < 0 || r.last < r.first || r.size <= r.last) {
			t.Errorf("%q is %+v", text, r)
		}
		if wait := parseRetryAfter(text, time.Unix(0, 0)); wait < 0 || wait > 366*24*time.Hour {
			t.Errorf("%q is %v", text, wait)
		}
	})
}

func FuzzPlanURL(f *testing.F) {
	f.Add("https://hub/a/model.gguf?download=true#x", "")
	f.Add("http://user:secret@hub/%2e%2e%2fmodel.pt", "name")
	f.Add("https://hub/..%5c..%5cmodel.pt", "..")
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := planURL(PullOptions{Model: text, Name: name})
		if err != nil {
			return
		}
		for _, part := range []string{p.name, p.files[0].name} {
			if !filepath.IsLocal(part) || filepath.Base(part) != part || strings.HasPrefix(part, ".") || strings.Contains(part, `\`) {
				t.Errorf("%q is kept as %q", text, part)
			}
		}
		if u, err := url.Parse(p.files[0].url); err != nil || u.Host == "" {
			t.Errorf("%q is fetched from %q", text, p.files[0].url)
		}
	})
}
