package transcript

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteSRT writes SubRip subtitles: UTF-8 without a byte order mark, and the text as it is, since the format knows no escapes.
func WriteSRT(w io.Writer, r *Result, l Layout) error {
	out := bufio.NewWriter(w)
	for i, c := range cues(r, l) {
		fmt.Fprintf(out, "%d\n%s --> %s\n%s\n\n", i+1, clock(c.start, ','), clock(c.end, ','), strings.Join(c.lines, "\n"))
	}
	return out.Flush()
}

// WriteVTT writes WebVTT subtitles.
func WriteVTT(w io.Writer, r *Result, l Layout) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "WEBVTT\n\n")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for _, c := range cues(r, l) {
		fmt.Fprintf(out, "%s --> %s\n%s\n\n", clock(c.start, '.'), clock(c.end, '.'), escape.Replace(strings.Join(c.lines, "\n")))
	}
	return out.Flush()
}

// clock writes a time as hours:minutes:seconds and thousandths.
func clock(s Seconds, point rune) string {
	ms := int64(math.Round(float64(s) * 1000))
	return fmt.Sprintf("%02d:%02d:%02d%c%03d", ms/3600000, ms/60000%60, ms/1000%60, point, ms%1000)
}

// WriteTSV writes a line for each segment, under one of names: start and end in milliseconds, and the text, with tabs between.
func WriteTSV(w io.Writer, r *Result) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "start\tend\ttext\n")
	for _, s := range r.Segments {
		fmt.Fprintf(out, "%.0f\t%.0f\t%s\n", float64(s.Start)*1000, float64(s.End)*1000, strings.Map(printable, s.Text))
	}
	return out.Flush()
}
