package transcribe

import (
	"strings"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcript"
)

// seam is what the piece before a cut heard around it. Both pieces hear the sound around a cut, and every word there must stay
// with one of them. The piece before gives up the words whose middle is past the cut, for which the one after has heard more of
// what follows; the piece after gives up what the one before has kept.
type seam struct {
	at    transcript.Seconds
	end   transcript.Seconds // of the segment before: the cut, or the end of a last word that the cut runs through
	words []transcript.Word  // near the cut, in order
	kept  int                // so many of them stayed with the piece before
}

const (
	// sameTime is how far apart two pieces may hear the same word: alignments differ by a few rows of 60 ms.
	sameTime transcript.Seconds = 0.25

	// seamLength is how far from the cut words are compared.
	seamLength = transcript.Seconds(overlap)/audio.SampleRate + sameTime
)

// cutAt ends a segment at a cut.
func cutAt(s transcript.Segment, at transcript.Seconds) (transcript.Segment, seam) {
	words := s.FindWords()
	kept := 0
	for kept < len(words) && words[kept].Middle() <= at {
		kept++
	}
	near := 0
	for near < len(words) && words[near].Middle() < at-seamLength {
		near++
	}
	last := 0
	if kept > 0 {
		last = words[kept-1].Last
	}
	s.Keep(0, last)
	s.End = at
	if kept > 0 {
		s.End = max(at, words[kept-1].End)
	}
	return s, seam{at: at, end: s.End, words: words[near:], kept: kept - near}
}

// after takes away from the segment after the cut what the one before has kept, and begins it where that one ends.
func (m *seam) after(s transcript.Segment) transcript.Segment {
	words := s.FindWords()
	near := 0
	for near < len(words) && words[near].Middle() <= m.at+seamLength {
		near++
	}
	same := match(m.words, words[:near])
	drop := 0
scan:
	for i, w := range words[:near] {
		switch {
		case same[i] >= m.kept: // the piece before has given it up
			break scan
		case same[i] >= 0, m.said(w):
			drop = i + 1
		}
	}
	if drop > 0 {
		s.Keep(words[drop-1].Last, len(s.Tokens))
	}
	s.Start = m.end
	for i := range s.Tokens {
		t := &s.Tokens[i]
		t.Start, t.End = max(t.Start, m.end), max(t.End, m.end)
	}
	return s
}

// said reports whether a word that only the piece after heard is in the place of one that stayed with the piece before, or is
// from before the cut, where that piece heard better: unless it is a word given up that the two heard differently.
func (m *seam) said(w transcript.Word) bool {
	if m.kept > 0 && w.Start < m.words[m.kept-1].End {
		return true
	}
	for _, given := range m.words[m.kept:] {
		if apart(w, given) <= sameTime {
			return false
		}
	}
	return w.Middle() <= m.at
}

func apart(a, b transcript.Word) transcript.Seconds {
	return max(a.Middle()-b.Middle(), b.Middle()-a.Middle())
}

// match finds the words that two pieces both heard: for each of b its partner in a, or -1. Partners are in order; there are as many
// as can be, and of equally many those that are closest in time.
func match(a, b []transcript.Word) []int {
	gain := func(i, j int) float64 {
		if d := apart(a[i], b[j]); d <= sameTime && strings.EqualFold(a[i].Text, b[j].Text) {
			return 1 - float64(d)/100 // any two gain more than one
		}
		return 0
	}
	best := make([][]float64, len(a)+1) // of the words from i and from j on
	for i := range best {
		best[i] = make([]float64, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if g := gain(i, j); g > 0 {
				best[i][j] = max(best[i][j], g+best[i+1][j+1])
			}
		}
	}
	partner := make([]int, len(b))
	for j := range partner {
		partner[j] = -1
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch best[i][j] {
		case best[i+1][j]:
			i++
		case best[i][j+1]:
			j++
		default:
			partner[j] = i
			i, j = i+1, j+1
		}
	}
	return partner
}
