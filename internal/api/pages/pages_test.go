package pages_test

import (
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/api/asr"
	"sensevoice/internal/api/funasr"
	"sensevoice/internal/api/gpus"
	"sensevoice/internal/api/openai"
	"sensevoice/internal/api/pages"
	"sensevoice/internal/api/status"
	"sensevoice/web"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

func routes(t *testing.T) []api.Route {
	t.Helper()
	list, err := pages.Routes(pages.Options{Title: "T & U", Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPages(t *testing.T) {
	b := apitest.New(t, apitest.Options{Keys: "only:12345678"})
	url := b.Serve(t, routes(t)...)
	for path, want := range map[string]string{
		"/": "<html", "/ws-test": "<html", "/docs": "<html", "/static/app.js": "import", "/static/style.css": "{", "/static/ws_test.html": "<",
		"/openapi.json": `"title":"T & U","version":"1.2"`,
	} {
		got := apitest.Do(t, "GET", url+path, nil)
		got.Check(t, 200, want)
		if path != "/openapi.json" && !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no policy", path)
		}
	}
	for _, path := range []string{"/static/", "/static/none.js", "/static/..%2fweb.go", "/static/%2e%2e/web.go"} {
		apitest.Do(t, "GET", url+path, nil).Check(t, 404, `{"detail":"Not Found"}`)
	}
}

// TestTypes: all files of the pages have the type that browsers want, whatever the machine's table says.
func TestTypes(t *testing.T) {
	if err := mime.AddExtensionType(".js", "text/plain"); err != nil { // as a registry of Windows may have it
		t.Fatal(err)
	}
	url := apitest.New(t, apitest.Options{}).Serve(t, routes(t)...)
	want := map[string]string{"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
	if err := fs.WalkDir(web.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			_, extension, _ := strings.Cut(name, ".")
			got := apitest.Do(t, "GET", url+"/static/"+name, nil)
			if got.Check(t, 200); !strings.HasPrefix(got.Header.Get("Content-Type"), want[extension]) || want[extension] == "" {
				t.Errorf("%s is %q", name, got.Header.Get("Content-Type"))
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// description is what the tests read of the document.
type description struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
		Responses map[string]any
		Security  *[]any
	}
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Ref        string `json:"$ref"`
	AllOf      []schema
	Properties map[string]any
}

func read(t *testing.T) description {
	t.Helper()
	b := apitest.New(t, apitest.Options{})
	body := apitest.Do(t, "GET", b.Serve(t, routes(t)...)+"/openapi.json", nil).Body
	var d description
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(body, `"$ref":"`)[1:] { // every reference leads somewhere
		name := strings.TrimPrefix(part[:strings.IndexByte(part, '"')], "#/components/schemas/")
		if _, ok := d.Components.Schemas[name]; !ok {
			t.Errorf("nothing is called %q", name)
		}
	}
	return d
}

// TestDescriptionCoversRoutes compares the document with what is served.
func TestDescriptionCoversRoutes(t *testing.T) {
	d := read(t)
	b := apitest.New(t, apitest.Options{})
	s, err := status.New(b.Backend, true)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, methods := range d.Paths {
		for method := range methods {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	delete(described, "GET /ws/asr") // its room has its own tests, and so has the next
	delete(described, "GET /v1/realtime")
	for _, r := range slices.Concat(asr.Routes(b.Backend), openai.Routes(b.Backend), funasr.Routes(b.Backend), s.Routes(), (&gpus.Service{}).Routes(), routes(t)) {
		pattern := strings.NewReplacer("{$}", "", "...}", "}").Replace(r.Pattern)
		if !described[pattern] {
			t.Errorf("%s is served and not described", pattern)
			continue
		}
		delete(described, pattern)
		method, path, _ := strings.Cut(pattern, " ")
		if operation := d.Paths[path][strings.ToLower(method)]; (operation.Security != nil) != r.Open {
			t.Errorf("%s: whether it needs a key is described wrongly", pattern)
		}
	}
	for pattern := range described {
		t.Errorf("%s is described and not served", pattern)
	}
}

// TestDescriptionCoversFields sends every field that is described: the server must know it.
func TestDescriptionCoversFields(t *testing.T) {
	d := read(t)
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, slices.Concat(asr.Routes(b.Backend), openai.Routes(b.Backend), funasr.Routes(b.Backend))...)
	checked := 0
	for path, methods := range d.Paths {
		form, ok := methods["post"].RequestBody.Content["multipart/form-data"]
		if !ok {
			continue
		}
		checked++
		var parts []apitest.Part
		for _, s := range form.Schema.AllOf {
			if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
				s = d.Components.Schemas[name]
			}
			for field := range s.Properties {
				parts = append(parts, apitest.Part{field, "", ""})
			}
		}
		got := apitest.Post(t, url+path, parts...)
		if got.Status != 422 || strings.Contains(got.Body, "unknown field") {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if checked < 4 {
		t.Errorf("only %d forms", checked)
	}
}
