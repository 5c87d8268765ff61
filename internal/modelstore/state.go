package modelstore

import (
	"fmt"
	"maps"
	"math"
)

// record is how far the download of a file has come. SHA256 is "" until the file is whole and verified.
type record struct {
	File
	// Have is how many bytes are safely on disk: those after them may be anything, after a crash.
	Have int64 `json:"have"`
	// Validator is the server's mark of the version of the file, for If-Range; "" if there is none.
	Validator string `json:"validator,omitempty"`
}

func (r *record) complete() bool { return r.SHA256 != "" }

func (r *record) check(name string) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	if r.Name != name || r.Have < 0 || r.Have > maxFileSize || r.Size < -1 || r.Size > maxFileSize {
		return fmt.Errorf("file %s: %d bytes of %d, named %q", name, r.Have, r.Size, clip(r.Name))
	}
	if r.complete() {
		return r.File.check()
	}
	return nil
}

// pullState is what the store remembers of an unfinished pull.
type pullState struct {
	path  string
	Files map[string]record `json:"files"`
}

// readPullState reads the state in a file. One that cannot be used counts as none: downloading again is
// the remedy, and happens anyway.
func readPullState(path string) *pullState {
	if data, err := readBounded(path, maxManifest); err == nil {
		if s, err := parsePullState(data); err == nil {
			s.path = path
			return s
		}
	}
	return &pullState{path: path, Files: map[string]record{}}
}

func parsePullState(data []byte) (*pullState, error) {
	s := &pullState{}
	if _, err := decodeStrict(data, s); err != nil {
		return nil, err
	}
	if s.Files == nil || len(s.Files) > maxFiles {
		return nil, fmt.Errorf("%d files", len(s.Files))
	}
	for name, r := range s.Files {
		if err := r.check(name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// file returns the record of a file, an empty one if there is none.
func (s *pullState) file(name string) record {
	if r, ok := s.Files[name]; ok {
		return r
	}
	return record{File: File{Name: name, Size: -1}}
}

// set remembers a record across crashes. If that fails the old one stands, on disk and in memory.
func (s *pullState) set(r record) error {
	files := maps.Clone(s.Files)
	files[r.Name] = r
	if err := writeJSON(s.path, pullState{Files: files}); err != nil {
		return err
	}
	s.Files = files
	return nil
}

// bytes returns how much there is of all files.
func (s *pullState) bytes() int64 {
	total := int64(0)
	for _, r := range s.Files {
		total += min(r.Have, math.MaxInt64-total)
	}
	return total
}
