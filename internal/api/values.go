package api

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/spelling"
	"sensevoice/internal/token"
)

// Values reads the fields of a form and collects what is wrong with them. A field that is absent, or empty, has its default.
// Several names of one field are spellings of it: a request may use one.
type Values struct {
	fields map[string][]string
	faults []FieldError
}

// Values starts reading the form's fields.
func (f *Form) Values() *Values { return &Values{fields: f.fields} }

// NewValues starts reading fields that did not come in a form.
func NewValues(fields map[string][]string) *Values { return &Values{fields: fields} }

// Fault notes that a field is wrong.
func (v *Values) Fault(field, message string) {
	v.faults = append(v.faults, FieldError{field, message, "value_error"})
}

// Err returns all faults as one error, or nil.
func (v *Values) Err() error {
	if len(v.faults) == 0 {
		return nil
	}
	return &Error{Status: http.StatusUnprocessableEntity, Fields: v.faults, Reason: "bad request"}
}

// Text returns a field and the name that the request used for it.
func (v *Values) Text(names ...string) (text, name string) {
	used := names[0]
	for _, n := range names {
		values := v.fields[n]
		if len(values) > 1 {
			v.Fault(n, "is given more than once")
		}
		if len(values) == 0 || values[0] == "" {
			continue
		}
		if text != "" && text != values[0] {
			v.Fault(n, "says something else than "+used+", which means the same; leave one out")
		}
		text, used = values[0], n
	}
	return text, used
}

// List returns all values of a field that may repeat.
func (v *Values) List(name string) []string { return v.fields[name] }

// Bool reads true or false in any of the usual spellings.
func (v *Values) Bool(byDefault bool, names ...string) bool {
	text, name := v.Text(names...)
	switch strings.ToLower(text) {
	case "":
		return byDefault
	case "true", "1", "yes", "on", "y", "t":
		return true
	case "false", "0", "no", "off", "n", "f":
		return false
	}
	v.Fault(name, strconv.Quote(clip(text))+" must be true or false")
	return byDefault
}

// Choice reads one of several words.
func (v *Values) Choice(byDefault string, choices []string, names ...string) string {
	text, name := v.Text(names...)
	if text == "" {
		return byDefault
	}
	if slices.Contains(choices, text) {
		return text
	}
	v.Fault(name, strconv.Quote(clip(text))+" must be "+strings.Join(choices, ", ")+spelling.Hint(text, choices))
	return byDefault
}

// Number reads a number from low to high.
func (v *Values) Number(byDefault, low, high float64, names ...string) float64 {
	text, name := v.Text(names...)
	if text == "" {
		return byDefault
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(x >= low && x <= high) {
		v.Fault(name, strconv.Quote(clip(text))+" must be a number from "+number(low)+" to "+number(high))
		return byDefault
	}
	return x
}

// Integer reads a whole number from low to high.
func (v *Values) Integer(byDefault, low, high int, names ...string) int {
	before := len(v.faults)
	x := v.Number(float64(byDefault), float64(low), float64(high), names...)
	if x != math.Trunc(x) && len(v.faults) == before {
		_, name := v.Text(names...)
		v.Fault(name, "must be a whole number")
		return byDefault
	}
	return int(x)
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// Language reads a language.
func (v *Values) Language(names ...string) token.Language {
	text, name := v.Text(names...)
	language, err := token.ParseLanguage(clip(text))
	if err == nil {
		return language
	}
	v.Fault(name, err.Error())
	return token.Auto
}
