package funasrws

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"sensevoice/internal/transcript"
)

// reply is every message of the server.
type reply struct {
	Mode      string     `json:"mode"`
	Text      string     `json:"text"`
	Name      string     `json:"wav_name"`
	IsFinal   bool       `json:"is_final"` // nothing more comes of the utterance
	SliceType *int       `json:"slice_type,omitempty"`
	Index     *int       `json:"index,omitempty"` // of the sentence
	Start     *int64     `json:"start_time,omitempty"`
	End       *int64     `json:"end_time,omitempty"`
	Timestamp string     `json:"timestamp,omitempty"` // JSON in a text
	Sentences []sentence `json:"stamp_sents,omitempty"`
	IsEnd     bool       `json:"is_end,omitempty"` // acknowledges the end mark
	Error     string     `json:"error,omitempty"`
	Warning   string     `json:"warning,omitempty"`
}

// What a piece of text is to its sentence.
const (
	sliceFirst  = 0
	sliceMiddle = 1
	sliceWhole  = 2
)

// sentence has the times of a segment, in milliseconds.
type sentence struct {
	Text  string     `json:"text_seg"`
	Punc  string     `json:"punc"` // at its end
	Start int64      `json:"start"`
	End   int64      `json:"end"`
	Times [][2]int64 `json:"ts_list"`
}

func milliseconds(s transcript.Seconds) int64 { return int64(s*1000 + 0.5) }

func newSentence(s *transcript.Segment) sentence {
	text := transcript.Clean(s.RawText)
	bare := strings.TrimRightFunc(text, unicode.IsPunct)
	return sentence{Text: bare, Punc: text[len(bare):], Start: milliseconds(s.Start), End: milliseconds(s.End), Times: times(s)}
}

// times gives a start and an end for each unit that FunASR counts: a word of letters that are written with spaces between
// words, or any other character that is not punctuation. A unit has the times of its tokens.
func times(s *transcript.Segment) [][2]int64 {
	list := [][2]int64{}
	inWord := false
	for _, t := range s.Tokens {
		start, end := milliseconds(t.Start), milliseconds(t.End)
		for _, r := range t.Text {
			switch {
			case unicode.IsSpace(r) || unicode.IsPunct(r) && r != '\'':
				inWord = false
			case !latin(r):
				inWord = false
				list = append(list, [2]int64{start, end})
			case inWord:
				list[len(list)-1][1] = end
			default:
				inWord = true
				list = append(list, [2]int64{start, end})
			}
		}
	}
	return list
}

// latin tells whether a character is part of a word.
func latin(r rune) bool { return r == '\'' || r < utf8.RuneSelf && unicode.IsLetter(r) }

// timestamp writes times as the text that the protocol wants, "" where there are none.
func timestamp(list [][2]int64) string {
	if len(list) == 0 {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "" // integers can always be written
	}
	return string(text)
}

// text is what segments say, with tags as the client wants them.
func (s *session) text(segments ...transcript.Segment) string {
	raws := make([]string, len(segments))
	tagged := strings.Builder{}
	for i := range segments {
		raws[i] = segments[i].RawText
		clean := transcript.Clean(raws[i])
		if clean == "" {
			continue
		}
		for _, tag := range []string{segments[i].Language, segments[i].Emotion, segments[i].Event} {
			if tag != "" {
				tagged.WriteString("<|" + tag + "|>")
			}
		}
		tagged.WriteString(clean)
	}
	switch s.tags {
	case tagsClean:
		return transcript.Clean(raws...)
	case tagsEmoji:
		return transcript.Rich(raws...)
	}
	return tagged.String()
}

// stamp adds times to a reply. FunASR's own page counts the characters of the text to find its place in the timestamp, and fails
// when tags stand in it, so there the times are in stamp_sents alone, as they are where FunASR itself serves SenseVoice.
func (s *session) stamp(r *reply, segments ...transcript.Segment) {
	var all [][2]int64
	for i := range segments {
		one := newSentence(&segments[i])
		if one.Text == "" {
			continue
		}
		r.Sentences = append(r.Sentences, one)
		all = append(all, one.Times...)
	}
	if s.tags == tagsClean {
		r.Timestamp = timestamp(all)
	}
}
