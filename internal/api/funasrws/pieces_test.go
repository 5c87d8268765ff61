package funasrws

import (
	"strings"
	"testing"

	"sensevoice/internal/transcript"
)

// tokens makes one of each letter.
func tokens(text string) []transcript.Token {
	var list []transcript.Token
	for _, r := range text {
		list = append(list, transcript.Token{ID: r, Text: string(r)})
	}
	return list
}

func TestPieces(t *testing.T) {
	for _, test := range []struct {
		name, heard, pieces, whole, rest string
	}{
		{"grows", "a ab abc abcd", " a b c", "abcde", "de"},
		{"changes its mind before", "ax ab abc", " a b", "abc", "c"},
		{"changes its mind after", "ab ab xb ab ab", " ab   ", "abc", "c"},
		{"one only", "abc", "", "abc", "abc"},
		{"shrinks", "abc abc a a abcd abcd", " abc    d", "ab", ""},
		{"nothing", "", "", "", ""},
	} {
		var p pieces
		var got []string
		for _, h := range strings.Split(test.heard, " ") {
			got = append(got, p.agree(tokens(h)))
		}
		if joined := strings.Join(got, " "); joined != test.pieces {
			t.Errorf("%s: pieces %q, want %q", test.name, joined, test.pieces)
		}
		if rest := p.rest(tokens(test.whole)); rest != test.rest {
			t.Errorf("%s: rest %q, want %q", test.name, rest, test.rest)
		}
	}
}

func TestTimes(t *testing.T) {
	s := &transcript.Segment{Tokens: []transcript.Token{
		{Text: "打", Start: 0, End: 0.1},
		{Text: "开", Start: 0.1, End: 0.2},
		{Text: "，", Start: 0.2, End: 0.25},
		{Text: " mu", Start: 0.3, End: 0.4},
		{Text: "sic", Start: 0.4, End: 0.5},
		{Text: " it", Start: 0.6, End: 0.7},
		{Text: "'s", Start: 0.7, End: 0.8},
		{Text: " 3", Start: 0.9, End: 1},
		{Text: "5", Start: 1, End: 1.1},
		{Text: ".", Start: 1.1, End: 1.2},
	}}
	want := "[[0,100],[100,200],[300,500],[600,800],[900,1000],[1000,1100]]"
	if got := timestamp(times(s)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := timestamp(times(new(transcript.Segment))); got != "" {
		t.Errorf("%q of nothing", got)
	}
}
