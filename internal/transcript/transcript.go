// Package transcript holds the result of a recognition, makes it from what the model said, and
// writes it as JSON and as text.
package transcript

import (
	"bytes"
	"encoding/json"
	"strings"

	"sensevoice/internal/ctc"
	"sensevoice/internal/token"
)

// Result is the transcript of one recording. In JSON its lists are never null.
type Result struct {
	File     string  `json:"file"`
	Duration Seconds `json:"duration"`

	// Language is the one that most of the speech is in, by time: "zh", "en", ..., "nospeech" if there
	// was none, or "" if the model did not tell.
	Language string `json:"language"`

	Text      string `json:"text"`       // for people: Rich of all segments
	RawText   string `json:"raw_text"`   // as the model says it, tags included
	CleanText string `json:"clean_text"` // without any tags: Clean of all segments

	Segments []Segment `json:"segments"`
	Skipped  []Skipped `json:"skipped"` // what has no text, and why
	Timing   Timing    `json:"timing"`

	Channel    int    `json:"channel,omitempty"`    // of a recording whose channels are transcribed each for itself: 1, 2, ...
	Incomplete string `json:"incomplete,omitempty"` // why the transcript ends before the recording: an interruption, damage
}

// Segment is a stretch of speech. Its times, and those of its tokens, count from the start of the
// recording.
type Segment struct {
	Start    Seconds `json:"start"`
	End      Seconds `json:"end"`
	Text     string  `json:"text"`     // Rich of RawText
	RawText  string  `json:"raw_text"` // as the model says it, tags included
	Language string  `json:"language"` // the tag's name, such as "zh", or "" if the model did not tell
	Emotion  string  `json:"emotion"`  // likewise: "NEUTRAL"
	Event    string  `json:"event"`    // likewise: "Speech"
	Tokens   []Token `json:"tokens"`
	Words    []Word  `json:"words,omitempty"` // where they were asked for
	TimesBy  string  `json:"times_by"`        // how the times of tokens and words were made: TimesAligned or TimesSegment
}

// Token is a piece of a segment's text. The texts of a segment's tokens, joined, are its text
// without tags; a space belongs to the token that follows it.
type Token struct {
	ID      int32   `json:"id"`
	Text    string  `json:"text"`
	Start   Seconds `json:"start"`
	End     Seconds `json:"end"`
	LogProb LogProb `json:"logprob"` // natural logarithm, see ctc.Token
}

// NewSegment makes a segment of what the model said about the audio from start to end, both in
// milliseconds from the start of the recording. The segment keeps nothing of said.
func NewSegment(v *token.Vocabulary, said *ctc.Sequence, start, end int) Segment {
	raw := v.Text(said.IDs)
	by := TimesAligned
	if len(said.Tokens) == 0 {
		by = TimesSegment
	}
	return Segment{
		TimesBy:  by,
		Start:    milliseconds(start),
		End:      milliseconds(end),
		Text:     Rich(raw),
		RawText:  raw,
		Language: v.Tag(said.Language),
		Emotion:  v.Tag(said.Emotion),
		Event:    v.Tag(said.Event),
		Tokens:   newTokens(v, said.Tokens, start, end),
	}
}

func newTokens(v *token.Vocabulary, said []ctc.Token, start, end int) []Token {
	ids := make([]int32, len(said))
	for i, t := range said {
		ids[i] = t.ID
	}
	texts := v.Texts(ids)
	tokens := make([]Token, len(said))
	for i, t := range said {
		from, to := t.Times(end - start)
		tokens[i] = Token{
			ID:      t.ID,
			Text:    texts[i],
			Start:   milliseconds(start + from),
			End:     milliseconds(start + to),
			LogProb: LogProb(t.LogProb),
		}
	}
	return tokens
}

// New makes the result of a recording that lasts duration from its segments, in their order.
func New(file string, duration Seconds, segments []Segment, timing Timing) *Result {
	var raws []string
	for _, s := range segments {
		if s.RawText != "" {
			raws = append(raws, s.RawText)
		}
	}
	return &Result{
		File:      file,
		Duration:  duration,
		Language:  mainLanguage(segments),
		Text:      Rich(raws...),
		RawText:   strings.Join(raws, " "),
		CleanText: Clean(raws...),
		Segments:  segments,
		Timing:    timing,
	}
}

// mainLanguage returns the language that the segments are in for the longest time, the first of
// equals. Segments without speech count only where there are no others.
func mainLanguage(segments []Segment) string {
	time := map[string]Seconds{}
	longest := ""
	for _, s := range segments {
		time[s.Language] += s.End - s.Start
	}
	for _, s := range segments {
		switch {
		case s.Language == "" || s.Language == longest:
		case longest == "", longest == string(token.NoSpeech):
			longest = s.Language
		case s.Language != string(token.NoSpeech) && time[s.Language] > time[longest]:
			longest = s.Language
		}
	}
	return longest
}

// MarshalJSON writes no segments as an empty list.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.Segments == nil {
		r.Segments = []Segment{}
	}
	if r.Skipped == nil {
		r.Skipped = []Skipped{}
	}
	type plain Result
	return marshal(plain(r))
}

// MarshalJSON writes no tokens as an empty list.
func (s Segment) MarshalJSON() ([]byte, error) {
	if s.Tokens == nil {
		s.Tokens = []Token{}
	}
	type plain Segment
	return marshal(plain(s))
}

// marshal leaves < and > as they are, so that tags stay legible wherever the caller's encoder does
// not escape them itself.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return out.Bytes(), err
}
