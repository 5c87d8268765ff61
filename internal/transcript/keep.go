package transcript

import "strings"

// Keep drops all tokens but those from first to last-1, and their text. Tags stay.
func (s *Segment) Keep(first, last int) {
	from := 0
	for _, t := range s.Tokens[:first] {
		from += len(t.Text)
	}
	to := from
	for _, t := range s.Tokens[first:last] {
		to += len(t.Text)
	}
	s.RawText = keepText(s.RawText, from, to, leadingSpace(s))
	s.Text = Rich(s.RawText)
	s.Tokens = s.Tokens[first:last]
	if len(s.Tokens) == 0 {
		s.TimesBy = TimesSegment
	}
}

// leadingSpace is how many bytes the raw text lacks of its tokens' texts: without tags in front, it begins without the
// space that the first word has.
func leadingSpace(s *Segment) int {
	said := 0
	for _, t := range s.Tokens {
		said += len(t.Text)
	}
	for tag, text := range split(s.RawText) {
		if tag == "" {
			said -= len(text)
		}
	}
	return said
}

// keepText keeps the bytes from to to-1 of the text between the tags of a raw text, whose first missing bytes are not there.
func keepText(raw string, from, to, missing int) string {
	var kept strings.Builder
	at := missing
	rest := raw
	for tag, text := range split(raw) {
		if tag != "" {
			size := len(tag) + len("<||>")
			kept.WriteString(rest[:size])
			rest = rest[size:]
			continue
		}
		begin, end := max(from, at)-at, min(to, at+len(text))-at
		if begin < end {
			kept.WriteString(text[begin:end])
		}
		rest = rest[len(text):]
		at += len(text)
	}
	return kept.String()
}
