package transcript

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// WriteText writes the text as one line. With named it begins with the file's name, "a.wav: ", as
// grep does for more than one file; and with the channel, "a.wav: 1: ", if it is that of one. Line breaks and other control characters become spaces: a line
// stays a line, and neither a file's name nor a model's vocabulary can steer a terminal.
func WriteText(w io.Writer, r *Result, named bool) error {
	line := r.Text
	if r.Channel > 0 {
		line = fmt.Sprintf("%d: %s", r.Channel, line)
	}
	if named {
		line = r.File + ": " + line
	}
	_, err := io.WriteString(w, strings.Map(printable, line)+"\n")
	return err
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// WriteJSON writes the result as one line of JSON. Tags stay legible: < and > are not escaped.
func WriteJSON(w io.Writer, r *Result) error {
	line, err := marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}
