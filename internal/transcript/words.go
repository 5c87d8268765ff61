package transcript

import "sensevoice/internal/token"

// How the times of a segment's tokens and words were made.
const (
	TimesAligned = "aligned" // each token's is that of the rows that say it
	TimesSegment = "segment" // nothing is known but the segment's own
)

// Word is a word of a segment: see [token.Words].
type Word struct {
	Text  string  `json:"text"`
	Start Seconds `json:"start"` // of its first token
	End   Seconds `json:"end"`   // of its last token

	First, Last int `json:"-"` // its tokens are First to Last-1
}

// FindWords groups the tokens of a segment.
func (s *Segment) FindWords() []Word {
	texts := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		texts[i] = t.Text
	}
	grouped := token.Words(texts)
	words := make([]Word, len(grouped))
	for i, w := range grouped {
		words[i] = Word{Text: w.Text, Start: s.Tokens[w.Start].Start, End: s.Tokens[w.End-1].End, First: w.Start, Last: w.End}
	}
	return words
}

// Middle returns the time in the middle of the word.
func (w Word) Middle() Seconds { return (w.Start + w.End) / 2 }

// Shift moves all times later.
func (s *Segment) Shift(by Seconds) {
	s.Start += by
	s.End += by
	for i := range s.Tokens {
		s.Tokens[i].Start += by
		s.Tokens[i].End += by
	}
	for i := range s.Words {
		s.Words[i].Start += by
		s.Words[i].End += by
	}
}

// Reasons why a range of a recording has no text.
const (
	SkippedSilence  = "silence"   // voice detection found nobody speaking
	SkippedNoSpeech = "no speech" // the model listened and heard no words
	SkippedTooShort = "too short" // less than the 25 ms that the model needs
)

// Skipped is a range of a recording that has no text, and why.
type Skipped struct {
	Start  Seconds `json:"start"`
	End    Seconds `json:"end"`
	Reason string  `json:"reason"`
}
