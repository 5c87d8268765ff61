package feature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// CMVN is a model's normalisation of rows, column by column: (x + Shift) * Scale.
type CMVN struct {
	Shift, Scale []float32
}

// Check refuses a normalisation that does not fit rows of the given width, or is not finite.
func (c *CMVN) Check(width int) error {
	if len(c.Shift) != width || len(c.Scale) != width {
		return fmt.Errorf("normalisation has %d shifts and %d scales, want %d", len(c.Shift), len(c.Scale), width)
	}
	for i := range width {
		if !finite(c.Shift[i]) || !finite(c.Scale[i]) {
			return fmt.Errorf("normalisation of column %d is shift %v, scale %v", i, c.Shift[i], c.Scale[i])
		}
	}
	return nil
}

func (c *CMVN) apply(row []float32) {
	shift, scale := c.Shift[:len(row)], c.Scale[:len(row)]
	for i, x := range row {
		row[i] = (x + shift[i]) * scale[i]
	}
}

// FormatError is a fault in a normalisation file.
type FormatError struct {
	Offset int64 // bytes before the word at fault
	Err    error
}

func (e *FormatError) Error() string { return fmt.Sprintf("cmvn: byte %d: %v", e.Offset, e.Err) }

// Unwrap returns the reason alone.
func (e *FormatError) Unwrap() error { return e.Err }

// ReadCMVN reads a normalisation (am.mvn) for rows of the given width: the text form of a Kaldi network
// whose layers add to and multiply each column.
//
//	<Nnet>
//	<Splice> 560 560
//	[ 0 ]
//	<AddShift> 560 560
//	<LearnRateCoef> 0 [ -8.31 … ]
//	<Rescale> 560 560
//	<LearnRateCoef> 0 [ 0.155 … ]
//	</Nnet>
//
// It takes exactly this, with other numbers: a file that means something else is an error, of type
// *FormatError unless reading failed. It reads little more than a file of that width needs.
func ReadCMVN(r io.Reader, width int) (*CMVN, error) {
	const perValue, rest = 32, 4096 // bytes: numbers have some ten digits
	limit := rest + 2*perValue*int64(width)
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cmvn: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, &FormatError{limit, fmt.Errorf("too long for a normalisation of %d columns", width)}
	}
	p := &nnetParser{text: text, width: width}
	p.expect("<Nnet>")
	p.splice()
	cmvn := &CMVN{Shift: p.layer("<AddShift>"), Scale: p.layer("<Rescale>")}
	p.expect("</Nnet>")
	p.expect("")
	if p.err != nil {
		return nil, p.err
	}
	return cmvn, nil
}

// nnetParser takes words from the text until the first fault, which it keeps.
type nnetParser struct {
	text  []byte
	next  int // where the unread text begins
	start int // where the latest word began
	width int
	err   error
}

// word returns the next word, empty at the end of the text and after a fault.
func (p *nnetParser) word() string {
	if p.err != nil {
		return ""
	}
	rest := bytes.TrimLeft(p.text[p.next:], " \t\r\n")
	p.start = len(p.text) - len(rest)
	if end := bytes.IndexAny(rest, " \t\r\n"); end >= 0 {
		rest = rest[:end]
	}
	p.next = p.start + len(rest)
	return string(rest)
}

func (p *nnetParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &FormatError{int64(p.start), fmt.Errorf(format, args...)}
	}
}

// expect takes one given word; the empty one is the end of the text.
func (p *nnetParser) expect(want string) {
	if got := p.word(); got != want {
		p.fail("%s, want %s", quote(got), quote(want))
	}
}

// header takes a layer's name and its two widths.
func (p *nnetParser) header(name string) {
	p.expect(name)
	for range 2 {
		got := p.word()
		if width, err := strconv.Atoi(got); err != nil {
			p.fail("%s, want the width of %s", quote(got), name)
		} else if width != p.width {
			p.fail("%s has %d columns, want %d: is this the file of another model?", name, width, p.width)
		}
	}
}

// splice takes the layer that would put frames side by side, which must leave them as they are.
func (p *nnetParser) splice() {
	p.header("<Splice>")
	p.expect("[")
	p.expect("0")
	p.expect("]")
}

// layer takes a layer of one number for each column.
func (p *nnetParser) layer(name string) []float32 {
	p.header(name)
	p.expect("<LearnRateCoef>")
	p.number() // a training setting
	p.expect("[")
	values := make([]float32, p.width)
	for i := range values {
		values[i] = p.number()
	}
	p.expect("]")
	return values
}

func (p *nnetParser) number() float32 {
	got := p.word()
	value, err := strconv.ParseFloat(got, 32)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		p.fail("%s, want a number", quote(got))
	case err != nil || !finite(float32(value)):
		p.fail("%s is not a finite number", quote(got))
	}
	return float32(value)
}

// quote shows a word of the text, shortened: a binary file can be one endless word.
func quote(word string) string {
	const longest = 32
	switch {
	case word == "":
		return "end of file"
	case len(word) > longest:
		return strconv.Quote(word[:longest]) + "…"
	}
	return strconv.Quote(word)
}

// finite is false for infinities and NaN: their difference with themselves is NaN.
func finite(x float32) bool { return x-x == 0 }
