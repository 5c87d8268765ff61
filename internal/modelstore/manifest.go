package modelstore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	manifestName    = "manifest.json"
	manifestVersion = 1
	maxManifest     = 1 << 20 // bytes; five files take 2 kB
	maxFiles        = 64      // of a model
)

// Trust is the reason for taking a file's checksum to be the right one.
type Trust string

// Released checksums are known to the program; that of a file trusted on FirstUse is of what came when
// it was first pulled, and recorded so that later damage or exchange is seen.
const (
	Released Trust = "released"
	FirstUse Trust = "first-use"
)

// File is one file of a model, as it was when it was pulled.
type File struct {
	Name   string    `json:"name"`
	URL    string    `json:"url"`  // from where, without user and password
	Size   int64     `json:"size"` // bytes
	SHA256 string    `json:"sha256"`
	Trust  Trust     `json:"trust"`
	Pulled time.Time `json:"pulled"`
}

// Manifest says what a model in the store consists of.
type Manifest struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Files   []File `json:"files"`
}

// Size returns the bytes of all files.
func (m *Manifest) Size() int64 {
	total := int64(0)
	for _, f := range m.Files {
		total += f.Size
	}
	return total
}

// file returns the entry of that name, or nil. It may be asked of a nil manifest.
func (m *Manifest) file(name string) *File {
	if m == nil {
		return nil
	}
	for i := range m.Files {
		if m.Files[i].Name == name {
			return &m.Files[i]
		}
	}
	return nil
}

// FormatError is a fault in a file that the store keeps about its models.
type FormatError struct {
	File   string
	Offset int64 // byte of the file, -1 where no single byte is to blame
	Err    error
}

func (e *FormatError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: byte %d: %v", e.File, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// errNoManifest hides fs.ErrNotExist, which would say that there is no model.
var errNoManifest = errors.New("it is missing: pull did not make this folder; give its path instead of a name, or move it away")

// readManifest reads the manifest of the model of that name.
func readManifest(path, name string) (*Manifest, error) {
	data, err := readBounded(path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FormatError{path, -1, errNoManifest}
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w; to repair it, run: sensevoice model pull %s", name, err, name)
	}
	m, offset, err := parseManifest(data)
	if err == nil && m.Name != name {
		offset, err = -1, fmt.Errorf("it is the manifest of %q, not of %q", clip(m.Name), name)
	}
	if err != nil {
		return nil, &FormatError{path, offset, fmt.Errorf("%w; to repair it, run: sensevoice model pull %s", err, name)}
	}
	return m, nil
}

// readBounded reads a small file.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &FormatError{path, limit, fmt.Errorf("more than %d bytes", limit)}
	}
	return data, err
}

// parseManifest reads and checks a manifest. With an error it returns the byte to blame, or -1.
func parseManifest(data []byte) (m *Manifest, offset int64, err error) {
	m = &Manifest{}
	if offset, err := decodeStrict(data, m); err != nil {
		return nil, offset, err
	}
	if err := m.check(); err != nil {
		return nil, -1, err
	}
	return m, 0, nil
}

// decodeStrict decodes one JSON value that has no unknown fields and nothing after it.
func decodeStrict(data []byte, value any) (offset int64, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return d.InputOffset(), err
	}
	if _, err := d.Token(); err != io.EOF {
		return d.InputOffset(), errors.New("something follows the JSON value")
	}
	return 0, nil
}

func (m *Manifest) check() error {
	if m.Version != manifestVersion {
		return fmt.Errorf("version %d of the manifest, only %d is supported: a newer program wrote it", m.Version, manifestVersion)
	}
	if err := checkName(m.Name); err != nil {
		return err
	}
	if len(m.Files) == 0 || len(m.Files) > maxFiles {
		return fmt.Errorf("%d files, want 1 to %d", len(m.Files), maxFiles)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if err := f.check(); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("file %s is listed twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

func (f *File) check() error {
	if err := checkFileName(f.Name); err != nil {
		return err
	}
	if f.Size < 1 || f.Size > maxFileSize {
		return fmt.Errorf("file %s: a size of %d bytes", f.Name, f.Size)
	}
	if !isSHA256(f.SHA256) {
		return fmt.Errorf("file %s: %q is no SHA-256 in hexadecimal", f.Name, clip(f.SHA256))
	}
	if f.Trust != Released && f.Trust != FirstUse {
		return fmt.Errorf("file %s: trust %q, want %q or %q", f.Name, clip(string(f.Trust)), Released, FirstUse)
	}
	return nil
}

// isSHA256 reports whether s is 64 lower-case hexadecimal digits.
func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && hex.EncodeToString(raw) == s
}

// writeJSON replaces a file in one step and makes it durable.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeDurable(path, func(f *os.File) error {
		_, err := f.Write(append(data, '\n'))
		return err
	})
}
