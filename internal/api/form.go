package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"sensevoice/internal/spelling"
	"sensevoice/internal/spool"
)

// FormSpec says what a form may hold.
type FormSpec struct {
	Files  []string // names that a recording may have, the documented one first
	Fields []string // names of other fields
	Single bool     // one recording, not several
}

// Form is a form that was received. Close it to free the recordings.
type Form struct {
	Files  []File // in the order of the request
	fields map[string][]string
	taken  int64
	memory func(int64) // gives back memory
}

// File is a recording that was received.
type File struct {
	Name string // as the client names it; may be empty
	*spool.Upload
}

const (
	maxField   = 64 << 10 // bytes of one field
	maxFields  = 200
	maxHeader  = 16 << 10           // bytes of a part's header, and of what the reader takes with it
	formMemory = 8*maxField + 1<<16 // what a form takes beside its recordings
)

// ReadForm receives a multipart form as it comes: recordings go to the spool, and everything is counted before it is kept. What the
// queue would refuse is refused before it is read, which costs least when there is most to do.
func (b *Backend) ReadForm(r *http.Request, spec FormSpec) (*Form, error) {
	parts, err := openForm(r, spec)
	if err != nil {
		return nil, err
	}
	if limits := b.Limits(); r.ContentLength > limits.MaxBody {
		return nil, tooLarge(limits.MaxBody)
	}
	if err := b.Queue.Check(RequestOf(r.Context()).Caller, 0); err != nil {
		return nil, err
	}
	form := &Form{fields: map[string][]string{}, memory: b.Uploads.Release}
	if err := form.take(b, formMemory+spool.Memory); err != nil { // with one recording
		return nil, err
	}
	if err := form.receive(b, r, parts, spec); err != nil {
		form.Close()
		return nil, err
	}
	return form, nil
}

func openForm(r *http.Request, spec FormSpec) (*multipart.Reader, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, &Error{
			Status: http.StatusUnsupportedMediaType, Reason: "bad request",
			Message: fmt.Sprintf("send a form of type multipart/form-data with the recording as field %q; in curl: -F \"%[1]s=@speech.wav\"", spec.Files[0]),
		}
	}
	boundary := parameters["boundary"]
	if boundary == "" || len(boundary) > 200 {
		return nil, malformed(errors.New("Content-Type names no usable boundary"))
	}
	return multipart.NewReader(r.Body, boundary), nil
}

func malformed(err error) *Error {
	return &Error{Status: http.StatusBadRequest, Message: "the form is not well-formed: " + err.Error(), Reason: "bad request"}
}

// take accounts for memory of the form, or says that there is none.
func (f *Form) take(b *Backend, n int64) error {
	if !b.Uploads.TryAcquire(n) {
		return b.Overloaded()
	}
	f.taken += n
	return nil
}

// receive reads all parts. Faults of fields are collected, so that the client learns of all at once.
func (f *Form) receive(b *Backend, r *http.Request, parts *multipart.Reader, spec FormSpec) error {
	var faults []FieldError
	for count := 0; ; count++ {
		part, err := nextPart(parts, r.Body)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && count >= maxFields+b.Limits().MaxFiles {
			err = malformed(fmt.Errorf("more than %d parts", count))
		}
		if err != nil {
			return partFault(err)
		}
		fault, err := f.part(b, part, spec)
		if err != nil {
			return partFault(err)
		}
		if fault != nil {
			faults = append(faults, *fault)
		}
	}
	if len(f.Files) == 0 && !slices.ContainsFunc(faults, func(e FieldError) bool { return slices.Contains(spec.Files, e.Field) }) {
		faults = append(faults, FieldError{spec.Files[0], fmt.Sprintf("Field required: the recording; in curl: -F \"%s=@speech.wav\"", spec.Files[0]), "missing"})
	}
	if len(faults) > 0 {
		return &Error{Status: http.StatusUnprocessableEntity, Fields: faults, Reason: "bad request"}
	}
	return nil
}

// nextPart goes to the next part, whose header must be of a decent size.
func nextPart(parts *multipart.Reader, source io.Reader) (*multipart.Part, error) {
	if guarded, ok := source.(*body); ok {
		guarded.window = maxHeader
		defer func() { guarded.window = 0 }()
	}
	return parts.NextRawPart()
}

// partFault is the error for a form that cannot be read on.
func partFault(err error) error {
	var known *Error
	if errors.As(err, &known) || errors.Is(err, spool.ErrFull) || errors.Is(err, context.Canceled) {
		return err
	}
	return malformed(err)
}

// part receives one part. A fault is of the field, an error ends everything.
func (f *Form) part(b *Backend, part *multipart.Part, spec FormSpec) (*FieldError, error) {
	name, fileName, isFile := disposition(part)
	isSound := slices.Contains(spec.Files, name)
	switch {
	case !isSound && !slices.Contains(spec.Fields, name):
		return skip(part, &FieldError{clip(name), "unknown field" + hint(name, slices.Concat(spec.Files, spec.Fields)), "extra_forbidden"})
	case isSound && !isFile:
		return skip(part, &FieldError{name, fmt.Sprintf("must be a file, not text; in curl: -F \"%s=@speech.wav\"", name), "value_error"})
	case isSound && spec.Single && len(f.Files) > 0:
		return skip(part, &FieldError{name, "one recording a request, and this is another", "value_error"})
	case isSound && len(f.Files) >= b.Limits().MaxFiles:
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Reason: "too many files", Message: fmt.Sprintf("more than %d recordings in one request, the limit of this server", b.Limits().MaxFiles)}
	case isSound:
		return nil, f.sound(b, part, fileName)
	case isFile:
		return skip(part, &FieldError{name, "must be text, not a file", "value_error"})
	}
	text, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxField {
		return skip(part, &FieldError{name, fmt.Sprintf("longer than %d bytes", maxField), "value_error"})
	}
	if !utf8.Valid(text) {
		return &FieldError{name, "is not UTF-8", "value_error"}, nil
	}
	if err := f.take(b, int64(len(text))); err != nil {
		return nil, err
	}
	f.fields[name] = append(f.fields[name], string(text))
	return nil, nil
}

// hint says which field may be meant by a name, or which there are.
func hint(name string, known []string) string {
	if near := spelling.Hint(name, known); near != "" {
		return near
	}
	return "; there are " + strings.Join(known, ", ")
}

// skip reads over a part that is not wanted.
func skip(part io.Reader, fault *FieldError) (*FieldError, error) {
	_, err := io.Copy(io.Discard, part)
	return fault, err
}

func (f *Form) sound(b *Backend, part io.Reader, name string) error {
	if len(f.Files) > 0 {
		if err := f.take(b, spool.Memory); err != nil {
			return err
		}
	}
	upload, err := b.Spool.Receive(part)
	if err != nil {
		return err
	}
	f.Files = append(f.Files, File{name, upload})
	return nil
}

// disposition returns a part's name and the name of its file, which is there if the part is one.
func disposition(part *multipart.Part) (name, fileName string, isFile bool) {
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", "", false
	}
	fileName, isFile = parameters["filename"]
	return parameters["name"], strings.ToValidUTF8(clip(fileName), "\uFFFD"), isFile
}

// clip shortens a name from outside for a message or a reply.
func clip(name string) string {
	const most = 1024
	if len(name) > most {
		name = name[:most]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// Close frees the recordings and the memory of the form.
func (f *Form) Close() {
	for _, file := range f.Files {
		file.Close()
	}
	f.Files = nil
	if f.taken > 0 {
		f.memory(f.taken)
		f.taken = 0
	}
}
