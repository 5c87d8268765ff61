// Package web holds the pages that people see in a browser: transcribing files, speaking into the microphone, the server's
// state, and the description of its interface. They are plain HTML, CSS and ES modules without a build step, use the public
// interface alone, ask nothing of any other host, and address everything relative to where they lie, so that the server may
// sit below a path of a proxy.
package web

import (
	"embed"
	"io/fs"
)

//go:embed static
var embedded embed.FS

// Pages that are served under a name of their own. Each is a file of Files, and links to the others as "static/NAME".
const (
	Index = "index.html" // at / and at /ws-test, where it opens with the microphone
	Docs  = "docs.html"  // at /docs: /openapi.json, readable
)

// ContentSecurityPolicy is what the pages need: scripts, styles and connections of the server's own, and sound from the
// reader's own files. Nothing is inline.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Files returns the files to serve below /static/.
func Files() fs.FS {
	files, err := fs.Sub(embedded, "static")
	if err != nil {
		panic(err) // the name is a constant, and the folder is compiled in
	}
	return files
}
