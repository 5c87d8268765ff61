// Package pages serves what people read in a browser: the page to try the server, its documentation, and the description of its
// interface that the documentation is made from. Everything is in the program, so it works without a network.
package pages

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"sensevoice/internal/api"
	"sensevoice/web"
)

//go:embed openapi.json
var description []byte

// Options are what the description says about the server.
type Options struct {
	Title, Description, Version string
}

// Routes returns the routes, which need no key.
func Routes(o Options) ([]api.Route, error) {
	document, err := describe(o)
	if err != nil {
		return nil, err
	}
	files := web.Files()
	file := func(name string) api.Handler {
		return func(w http.ResponseWriter, _ *http.Request) error { return serve(w, files, name) }
	}
	open := func(pattern string, h api.Handler) api.Route {
		return api.Route{Pattern: "GET " + pattern, Shape: api.FastAPI, Open: true, Handle: h}
	}
	return []api.Route{
		open("/{$}", file(web.Index)), open("/ws-test", file(web.Index)), open("/docs", file(web.Docs)),
		open("/openapi.json", func(w http.ResponseWriter, _ *http.Request) error {
			return api.Write(w, http.StatusOK, "application/json", document)
		}),
		open("/static/{file...}", func(w http.ResponseWriter, r *http.Request) error {
			return serve(w, files, path.Clean(r.PathValue("file")))
		}),
	}, nil
}

// describe fills in what is not the same everywhere.
func describe(o Options) ([]byte, error) {
	var document map[string]any
	if err := json.Unmarshal(description, &document); err != nil {
		return nil, fmt.Errorf("openapi.json: %w", err)
	}
	info, ok := document["info"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("openapi.json: no info")
	}
	info["title"], info["version"] = o.Title, o.Version
	if o.Description != "" {
		info["description"] = o.Description
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(document)
	return out.Bytes(), err
}

// types are those of all files there are. The machine's own table, which package mime reads, may say anything, and browsers run no
// script of another type.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// serve answers with one of the files.
func serve(w http.ResponseWriter, files fs.FS, name string) error {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return &api.Error{Status: http.StatusNotFound, Message: "Not Found"}
	}
	contentType, known := types[path.Ext(name)]
	if !known {
		return fmt.Errorf("%s: no type of content is known for it", name)
	}
	w.Header().Set("Content-Security-Policy", web.ContentSecurityPolicy)
	w.Header().Set("Cache-Control", "no-cache")
	return api.Write(w, http.StatusOK, contentType, data)
}
