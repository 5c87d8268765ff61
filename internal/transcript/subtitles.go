package transcript

import "io"

// Layout is how subtitles are laid out.
type Layout struct {
	MaxLineWidth int // columns of a line; characters of East Asian width take two
}

// DefaultLayout returns the layout of broadcasters: lines of 42 columns.
func DefaultLayout() Layout { return Layout{MaxLineWidth: 42} }

// WriteSRT writes SubRip subtitles.
func WriteSRT(w io.Writer, r *Result, l Layout) error { return nil }

// WriteVTT writes WebVTT subtitles.
func WriteVTT(w io.Writer, r *Result, l Layout) error { return nil }

// WriteTSV writes a line for each segment: start and end in milliseconds, and the text, with tabs between, under a line of names.
func WriteTSV(w io.Writer, r *Result) error { return nil }
