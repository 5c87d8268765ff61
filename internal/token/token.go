// Package token knows the model's output vocabulary: which piece of text stands behind an id, which
// pieces are tags, and how a sequence of ids becomes text and words.
//
// A SenseVoice vocabulary mixes SentencePiece pieces ("▁the", "开"), where "▁" is a space, with tags
// such as <|zh|>, <|HAPPY|> or <|Speech|>. Tags are recognised by their text, never by a fixed id, so
// that a small model with a vocabulary of its own works like the released one.
package token

import "strings"

// Blank is the id of the CTC blank. It is 0 whatever the vocabulary calls its first piece: the
// released model says <unk>.
const Blank int32 = 0

// Kind tells what a piece stands for.
type Kind uint8

// The kinds of pieces.
const (
	KindText     Kind = iota // part of what was said
	KindControl              // the blank, <s>, </s> and the like: never part of a text
	KindLanguage             // <|zh|> <|en|> <|yue|> <|ja|> <|ko|> <|nospeech|>
	KindEmotion              // <|HAPPY|> ... <|EMO_UNKNOWN|>
	KindEvent                // <|Speech|> ... <|Event_UNK|>
	KindTextNorm             // <|withitn|> <|woitn|>
	KindTag                  // any other <|...|>, which the released model never learnt to answer
)

// tagKinds holds the tags that the model was trained to answer.
var tagKinds = map[string]Kind{
	"zh": KindLanguage, "en": KindLanguage, "yue": KindLanguage,
	"ja": KindLanguage, "ko": KindLanguage, "nospeech": KindLanguage,

	"HAPPY": KindEmotion, "SAD": KindEmotion, "ANGRY": KindEmotion, "NEUTRAL": KindEmotion,
	"FEARFUL": KindEmotion, "DISGUSTED": KindEmotion, "SURPRISED": KindEmotion, "EMO_UNKNOWN": KindEmotion,

	"Speech": KindEvent, "BGM": KindEvent, "Applause": KindEvent, "Laughter": KindEvent,
	"Cry": KindEvent, "Sneeze": KindEvent, "Breath": KindEvent, "Cough": KindEvent, "Sing": KindEvent,
	"Speech_Noise": KindEvent, "GBG": KindEvent, "Event_UNK": KindEvent,

	"withitn": KindTextNorm, "woitn": KindTextNorm,
}

// control holds the pieces that SentencePiece and its users reserve.
var control = map[string]bool{
	"<unk>": true, "<s>": true, "</s>": true, "<pad>": true, "<blank>": true, "<blk>": true,
}

// KindOf tells what a piece stands for from its text alone, so it does not know that id 0 is the blank.
func KindOf(piece string) Kind {
	if control[piece] {
		return KindControl
	}
	if name, rest, ok := CutTag(piece); ok && rest == "" {
		return KindOfTag(name)
	}
	return KindText
}

// KindOfTag tells what the tag of that name, written without <| and |>, stands for.
func KindOfTag(name string) Kind {
	if kind, ok := tagKinds[name]; ok {
		return kind
	}
	return KindTag
}

// CutTag splits the tag off the front of s: "<|zh|>你好" gives "zh" and "你好". A tag is <|, one or
// more characters other than <, |, > and ASCII white space, then |>. If s does not begin with a tag,
// rest is s and ok is false.
func CutTag(s string) (name, rest string, ok bool) {
	body, found := strings.CutPrefix(s, "<|")
	if !found {
		return "", s, false
	}
	end := strings.IndexAny(body, "<|> \t\r\n")
	if end <= 0 || !strings.HasPrefix(body[end:], "|>") {
		return "", s, false
	}
	return body[:end], body[end+2:], true
}
