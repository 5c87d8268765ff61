package transcript

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Layout is how subtitles are laid out.
type Layout struct {
	MaxLineWidth int // columns of a line; wide East Asian characters take two
}

// DefaultLayout returns the layout that broadcasters use: lines of 42 columns.
func DefaultLayout() Layout { return Layout{MaxLineWidth: 42} }

// Limits of a cue, as broadcasters have them.
const (
	maxLines    = 2
	maxCue      = 7.0 // seconds
	minCue      = 0.2 // seconds; below it nobody sees anything
	longestHold = 1.0 // seconds that a cue stays after its last word, until the next begins
	longPause   = 1.0 // seconds between words that do not share a cue
)

// cue is what is shown at one time.
type cue struct {
	start, end Seconds
	lines      []string
}

// unit is the smallest part of a text that is not torn: a word and the punctuation that sticks to it.
type unit struct {
	text       string // begins with a space if it is to be set apart from the unit before
	start, end Seconds
}

// cues divides a recording's text among cues, which follow each other and are never empty.
func cues(r *Result, l Layout) []cue {
	var all []cue
	for i := range r.Segments {
		s := &r.Segments[i]
		all = append(all, segmentCues(s, l)...)
	}
	last := Seconds(0)
	for i := range all {
		c := &all[i]
		c.start = max(c.start, last)
		if i+1 < len(all) {
			c.end = min(c.end, all[i+1].start)
		}
		c.end = max(c.end, c.start+minCue)
		last = c.end
	}
	return all
}

func segmentCues(s *Segment, l Layout) []cue {
	var all []cue
	var now []unit
	units := s.units(l.MaxLineWidth)
	show := func(until Seconds) {
		if len(now) == 0 {
			return
		}
		c := cue{start: now[0].start, end: now[len(now)-1].end, lines: lines(now, l.MaxLineWidth)}
		c.end = min(max(c.end, min(until, c.end+longestHold)), c.start+maxCue)
		all, now = append(all, c), now[:0]
	}
	for _, u := range units {
		if len(now) > 0 && opensCue(now, u, l) {
			show(u.start)
		}
		now = append(now, u)
	}
	show(s.End)
	return all
}

// opensCue reports whether a unit begins a new cue.
func opensCue(now []unit, next unit, l Layout) bool {
	last := now[len(now)-1]
	switch {
	case next.start-last.end > longPause, next.end-now[0].start > maxCue:
		return true
	case len(lines(append(slices.Clone(now), next), l.MaxLineWidth)) > maxLines:
		return true
	}
	half := columns(joined(now)) > l.MaxLineWidth/2
	return half && strings.ContainsAny(last.text, "。．.?!？！…")
}

// units divides a segment's text.
func (s *Segment) units(limit int) []unit {
	var all []unit
	for _, w := range s.FindWords() {
		var text strings.Builder
		for _, t := range s.Tokens[w.First:w.Last] {
			text.WriteString(strings.Map(printable, t.Text))
		}
		u := unit{text: text.String(), start: w.Start, end: w.End}
		if last := len(all) - 1; last >= 0 && sticks(w.Text) && columns(all[last].text+u.text) <= limit {
			all[last].text += u.text
			all[last].end = u.end
			continue
		}
		all = append(all, tear(u, limit)...)
	}
	return all
}

// sticks reports whether a word is punctuation that stays with what it follows.
func sticks(word string) bool {
	return strings.IndexFunc(word, func(r rune) bool {
		return !unicode.In(r, unicode.Po, unicode.Pe, unicode.Pf)
	}) < 0
}

// tear cuts a unit that is wider than a line. Its parts have the times of the whole.
func tear(u unit, limit int) []unit {
	var all []unit
	for columns(u.text) > limit {
		end, taken := 0, 0
		for i, r := range u.text {
			if taken += column(r); taken > limit && i > 0 {
				break
			}
			end = i + len(string(r))
		}
		if end == len(u.text) {
			break
		}
		all = append(all, unit{u.text[:end], u.start, u.end})
		u.text = u.text[end:]
	}
	return append(all, u)
}

// lines fills lines with units.
func lines(units []unit, limit int) []string {
	var all []string
	for _, u := range units {
		last := len(all) - 1
		if last >= 0 && columns(all[last]+u.text) <= limit {
			all[last] += u.text
		} else {
			all = append(all, strings.TrimSpace(u.text))
		}
	}
	return all
}

func joined(units []unit) string {
	var text strings.Builder
	for _, u := range units {
		text.WriteString(u.text)
	}
	return text.String()
}

// columns returns how wide a text is.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += column(r)
	}
	return n
}

func column(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}
