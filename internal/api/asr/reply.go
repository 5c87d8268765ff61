package asr

import "sensevoice/internal/transcript"

// Reply is the answer to POST /api/v1/asr.
type Reply struct {
	Result []Item `json:"result"` // in the order of the recordings, and of their channels; empty if nothing was recognised in any
}

// Item is about one recording, or one of its channels. The first four keys are the Python service's.
type Item struct {
	Key       string `json:"key"`
	Text      string `json:"text"`       // for people: with emoji for events and emotion
	RawText   string `json:"raw_text"`   // as the model says it, tags included
	CleanText string `json:"clean_text"` // without any tags

	Language string               `json:"language"`
	Duration transcript.Seconds   `json:"duration"`
	Segments []Segment            `json:"segments"`
	Skipped  []transcript.Skipped `json:"skipped"`
	Timing   transcript.Timing    `json:"timing"`
	Channel  int                  `json:"channel,omitempty"` // with channels=each: 1, 2, ...
}

// Segment is a stretch of speech.
type Segment struct {
	Start    transcript.Seconds `json:"start"`
	End      transcript.Seconds `json:"end"`
	Text     string             `json:"text"`
	RawText  string             `json:"raw_text"`
	Language string             `json:"language"`
	Emotion  string             `json:"emotion"`
	Event    string             `json:"event"`
	TimesBy  string             `json:"times_by"`
	Words    []Word             `json:"words,omitempty"` // where they were asked for
}

// Word is a word with its time.
type Word struct {
	Word  string             `json:"word"`
	Start transcript.Seconds `json:"start"`
	End   transcript.Seconds `json:"end"`
}

func reply(results []*transcript.Result) Reply {
	out, heard := Reply{Result: []Item{}}, false
	for _, r := range results {
		heard = heard || len(r.Segments) > 0
	}
	if !heard {
		return out
	}
	for _, r := range results {
		item := Item{
			Key: r.File, Text: r.Text, RawText: r.RawText, CleanText: r.CleanText, Language: r.Language, Duration: r.Duration,
			Segments: []Segment{}, Skipped: r.Skipped, Timing: r.Timing, Channel: r.Channel,
		}
		if item.Skipped == nil {
			item.Skipped = []transcript.Skipped{}
		}
		for _, s := range r.Segments {
			item.Segments = append(item.Segments, segment(&s))
		}
		out.Result = append(out.Result, item)
	}
	return out
}

func segment(s *transcript.Segment) Segment {
	out := Segment{
		Start: s.Start, End: s.End, Text: s.Text, RawText: s.RawText,
		Language: s.Language, Emotion: s.Emotion, Event: s.Event, TimesBy: s.TimesBy,
	}
	for _, w := range s.Words {
		out.Words = append(out.Words, Word{w.Text, w.Start, w.End})
	}
	return out
}
