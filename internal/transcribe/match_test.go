package transcribe

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sensevoice/internal/transcript"
)

// said makes a segment of words: "one@0.5" is one that lasts 0.1 s from 0.5 s on.
func said(start, end transcript.Seconds, words string, at ...transcript.Seconds) transcript.Segment {
	s := transcript.Segment{Start: start, End: end, RawText: "<|en|>"}
	for i, w := range strings.Fields(words) {
		s.RawText += " " + w
		s.Tokens = append(s.Tokens, transcript.Token{Text: " " + w, Start: at[i], End: at[i] + 0.1})
	}
	s.Text = transcript.Rich(s.RawText)
	return s
}

// TestSeams joins what two pieces heard around a cut at 10 s; the first hears until 11 s, the second from 9 s on.
func TestSeams(t *testing.T) {
	for _, test := range []struct {
		name        string
		left, right transcript.Segment
		want        string
	}{
		{"agreed", said(0, 11, "a b c", 9.2, 9.7, 10.3), said(9, 20, "a b c d", 9.2, 9.7, 10.3, 11), "a b | c d"},
		{"the cut runs through a word", said(0, 11, "a b c", 9.2, 9.93, 10.6), said(9, 20, "a b c", 9.2, 9.96, 10.6), "a b | c"},
		{"and each side puts it on the other", said(0, 11, "a b", 9.2, 9.99), said(9, 20, "a b c", 9.2, 9.9, 11), "a | b c"},
		{"and each side puts it on its own", said(0, 11, "a b", 9.2, 9.9), said(9, 20, "a b c", 9.2, 10.02, 11), "a b | c"},
		{"and hears another word", said(0, 11, "a b", 9.2, 9.9), said(9, 20, "a x c", 9.2, 9.96, 11), "a b | c"},
		{"which the left gave up", said(0, 11, "a b", 9.2, 9.98), said(9, 20, "a x c", 9.2, 9.93, 11), "a | x c"},
		{"half a word at the edges", said(0, 11, "a b c q", 9.1, 9.6, 10.4, 10.95), said(9, 20, "p a b c d", 9.0, 9.12, 9.6, 10.4, 11), "a b | c d"},
		{"the same word again", said(0, 11, "one one one", 9.7, 10.0, 10.3), said(9, 20, "one one one one", 9.7, 10.0, 10.3, 11), "one | one one one"},
		{"one of them unheard on the right", said(0, 11, "one one", 9.4, 9.8), said(9, 20, "one two", 9.8, 10.5), "one one | two"},
		{"nothing near", said(0, 11, "a", 5), said(9, 20, "d", 15), "a | d"},
		{"silence before", said(0, 11, ""), said(9, 20, "d", 15), " | d"},
		{"silence after", said(0, 11, "a b", 9.2, 9.7), said(9, 20, "a b", 9.2, 9.7), "a b | "},
		{"a capital at the start", said(0, 11, "the boy", 9.4, 9.9), said(9, 20, "Boy runs", 9.9, 10.5), "the boy | runs"},
	} {
		left, seam := cutAt(test.left, 10)
		right := seam.after(test.right)
		if got := left.Text + " | " + right.Text; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		right.End = 20
		checkTimes(t, []transcript.Segment{left, right})
	}
}

// TestSeamsOfAgreement cuts random speech anywhere; both sides hear the same, each word up to 60 ms off. Nothing is lost or doubled.
func TestSeamsOfAgreement(t *testing.T) {
	const seed = 6
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	words := strings.Fields("one two three four")
	for range 2000 {
		var all []string
		var times []transcript.Seconds
		for at := transcript.Seconds(0.5); at < 19; at += 0.25 + transcript.Seconds(r.Float64())*0.5 {
			all, times = append(all, words[r.IntN(len(words))]), append(times, at)
		}
		heard := func(from, to transcript.Seconds) transcript.Segment {
			var some []string
			var at []transcript.Seconds
			for i, w := range all {
				if times[i] >= from && times[i]+0.1 <= to {
					some, at = append(some, w), append(at, times[i]+transcript.Seconds(r.Float64()*0.12-0.06))
				}
			}
			return said(from, to, strings.Join(some, " "), at...)
		}
		cut := transcript.Seconds(3 + 14*r.Float64())
		left, seam := cutAt(heard(0, cut+1), cut)
		right := seam.after(heard(cut-1, 20))
		if got, want := strings.TrimSpace(left.Text+" "+right.Text), strings.Join(all, " "); got != want {
			t.Fatalf("cut at %v:\n got %s\nwant %s\ntimes %v", cut, got, want, times)
		}
	}
}
