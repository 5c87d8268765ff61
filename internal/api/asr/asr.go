// Package asr serves the interface of the Python service: POST /api/v1/asr, with every spelling of its fields that is in
// use. Replies have that service's keys, and more beside them.
package asr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"sensevoice/internal/api"
	"sensevoice/internal/transcript"
)

// Routes returns the routes of this protocol.
func Routes(b *api.Backend) []api.Route {
	s := &service{b}
	return []api.Route{{Pattern: "POST /api/v1/asr", Shape: api.FastAPI, Handle: s.recognize}}
}

type service struct{ *api.Backend }

// together is how many recordings of one request are worked on at once, so that they can share a batch.
const together = 4

var form = api.FormSpec{
	Files:  []string{"files", "file", "audio"},
	Fields: append([]string{"keys", "lang", "language", "use_itn", "itn", "format"}, api.OptionFields...),
}

// formats are what can be answered, with their types of content.
var formats = []string{"json", "text", "srt", "vtt", "tsv"}

func (s *service) recognize(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ReadForm(r, form)
	if err != nil {
		return err
	}
	defer f.Close()
	values := f.Values()
	options := s.Options(values)
	options.Language = values.Language("lang", "language")
	options.ITN = values.Bool(options.ITN, "use_itn", "itn")
	format := values.Choice("json", formats, "format")
	keys := names(values, f.Files)
	if format != "json" && format != "text" {
		switch {
		case len(f.Files) > 1:
			values.Fault("format", format+" is for one recording, and there are more")
		case options.EachChannel():
			values.Fault("channels", "each makes a text of every channel, and "+format+" is for one; take json or text, or ask for left and then for right")
		}
	}
	if err := values.Err(); err != nil {
		return err
	}
	results, err := s.all(r.Context(), f.Files, keys, options)
	if err != nil {
		return err
	}
	return answer(w, results, format, len(f.Files) > 1)
}

// names returns what each recording is called in the reply.
func names(values *api.Values, files []api.File) []string {
	text, field := values.Text("keys")
	if text == "" {
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = f.Name
		}
		return names
	}
	names := strings.Split(text, ",")
	if len(names) != len(files) {
		values.Fault(field, fmt.Sprintf("has %d names, separated by commas, for %d recordings", len(names), len(files)))
	}
	return names
}

// all recognises recordings, some at once, in their order.
func (s *service) all(ctx context.Context, files []api.File, keys []string, o api.Options) ([]*transcript.Result, error) {
	results := make([][]*transcript.Result, len(files))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(together)
	for i, f := range files {
		work.Go(func() (err error) {
			results[i], err = s.RecognizeChannels(ctx, api.Recording{Name: keys[i], Sound: f.Open(), Options: o})
			if err != nil && len(files) > 1 {
				err = named(keys[i], err)
			}
			return err
		})
	}
	err := work.Wait()
	return slices.Concat(results...), err
}

// namedError says which of several recordings failed.
type namedError struct {
	name string
	err  error
}

func named(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &namedError{name, err}
}

func (e *namedError) Error() string { return fmt.Sprintf("%q: %v", e.name, e.err) }
func (e *namedError) Unwrap() error { return e.err }

// answer writes the reply in the format that was asked for.
func answer(w http.ResponseWriter, results []*transcript.Result, format string, several bool) error {
	if format == "json" {
		return api.WriteJSON(w, http.StatusOK, reply(results))
	}
	var body bytes.Buffer
	for _, r := range results {
		if err := write(&body, r, format, several); err != nil {
			return err
		}
	}
	contentType := map[string]string{"vtt": "text/vtt", "tsv": "text/tab-separated-values", "srt": "application/x-subrip"}[format]
	if contentType == "" {
		contentType = "text/plain"
	}
	return api.Write(w, http.StatusOK, contentType+"; charset=utf-8", body.Bytes())
}

func write(w io.Writer, r *transcript.Result, format string, several bool) error {
	switch format {
	case "srt":
		return transcript.WriteSRT(w, r, transcript.DefaultLayout())
	case "vtt":
		return transcript.WriteVTT(w, r, transcript.DefaultLayout())
	case "tsv":
		return transcript.WriteTSV(w, r)
	}
	return transcript.WriteText(w, r, several)
}
