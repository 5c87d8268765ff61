package weights

import "fmt"

// FormatError says that a file is damaged, hostile or of a kind this package does not read.
type FormatError struct {
	File   string // path, or the name given to OpenBytes and FromTensors
	Offset int64  // byte of the file where the trouble was found, -1 where no single byte is to blame
	Err    error  // the reason, with a hint where there is one
}

// Error returns "file: offset: reason".
func (e *FormatError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: byte %d: %v", e.File, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// errorAt makes a FormatError whose File is filled in by whoever opened the file. It returns the
// interface so that no caller can return a nil *FormatError as a non-nil error.
func errorAt(offset int64, format string, args ...any) error {
	return &FormatError{Offset: offset, Err: fmt.Errorf(format, args...)}
}

// brief cuts a name from a file to a length that is fit for a message.
func brief(s string) string {
	const longest = 120
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}
