package transcript

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"sensevoice/internal/token"
)

// mark is the emoji that stands for a tag. Some tags have none.
type mark struct{ tag, emoji string }

// Events in the order in which their emoji are put before a text, so the last one comes first.
var events = []mark{
	{"BGM", "🎼"},
	{"Speech", ""},
	{"Applause", "👏"},
	{"Laughter", "😀"},
	{"Cry", "😭"},
	{"Sneeze", "🤧"},
	{"Breath", ""},
	{"Cough", "🤧"},
}

// Emotions in the order in which they are weighed against each other.
var emotions = []mark{
	{"HAPPY", "😊"},
	{"SAD", "😔"},
	{"ANGRY", "😡"},
	{"NEUTRAL", ""},
	{"FEARFUL", "😰"},
	{"DISGUSTED", "🤢"},
	{"SURPRISED", "😮"},
}

const neutral = "NEUTRAL"

// emojis are all of them, each once.
var emojis = func() (all []string) {
	for _, m := range slices.Concat(events, emotions) {
		if m.emoji != "" && !slices.Contains(all, m.emoji) {
			all = append(all, m.emoji)
		}
	}
	return all
}()

// Rich makes the text that people read of the raw texts of a recording's segments: tags gone, an
// emoji in front for each event, one at the end for the emotion, neighbouring repeats of them
// dropped.
//
// For one raw text it is rich_transcription_postprocess of FunASR (funasr/utils/postprocess_utils.py)
// but for two faults: that one turns every "The." into a space, and leaves tags that it has no emoji
// for in the text. For several it is what that one makes of all of them joined, but for a third:
// it writes the last word of a segment and the first of the next one as one word.
func Rich(raws ...string) string {
	var rich richText
	for i, raw := range raws {
		rich.newSegment = i > 0
		for j, part := range parts(raw) {
			if i == 0 && j == 0 { // FunASR looks for no event in what precedes the first language tag
				rich.out = append(rich.out, part...)
			} else {
				rich.add(part)
			}
		}
	}
	return string(bytes.TrimSpace(rich.out))
}

// richText is a text that is made part by part.
type richText struct {
	out        []byte
	event      string // the emoji in front of the last part
	newSegment bool   // whether the next part is the first of a segment
}

// add appends a decorated part, less the event's emoji if it is the last part's too. If both end with
// the same emotion, the earlier emoji goes.
func (t *richText) add(part string) {
	if e := leading(part); e == t.event {
		part = part[len(e):]
	}
	if part == "" {
		return
	}
	t.event = leading(part)
	t.out = bytes.TrimSuffix(t.out, []byte(trailing(part)))
	part = strings.TrimSpace(part)
	if t.newSegment && needsSpace(t.out, part) {
		t.out = append(t.out, ' ')
	}
	t.out = append(t.out, part...)
	t.newSegment = false
}

// Clean makes plain text of the raw texts of a recording's segments: every tag removed, with the
// meaning of token.CutTag, and no more than single spaces left.
func Clean(raws ...string) string {
	var out []byte
	for _, raw := range raws {
		var text strings.Builder
		for _, s := range split(raw) {
			text.WriteString(s)
		}
		words := strings.Join(strings.Fields(text.String()), " ")
		if needsSpace(out, words) {
			out = append(out, ' ')
		}
		out = append(out, words...)
	}
	return string(out)
}

// split yields the tags of a raw text and the text between them in order, either tag or text each time.
func split(raw string) iter.Seq2[string, string] {
	return func(yield func(tag, text string) bool) {
		for raw != "" {
			tag, rest, ok := token.CutTag(raw)
			text := ""
			if !ok {
				end := len(raw)
				if next := strings.Index(raw[1:], "<|"); next >= 0 {
					end = 1 + next
				}
				text, rest = raw[:end], raw[end:]
			}
			if raw = rest; !yield(tag, text) {
				return
			}
		}
	}
}

// parts divides a raw text at its language tags and makes each part rich: at least one, some empty.
func parts(raw string) []string {
	raw = strings.ReplaceAll(raw, "<|nospeech|><|Event_UNK|>", "❓")
	var rich []string
	var text strings.Builder
	count := map[string]int{}
	for tag, s := range split(raw) {
		switch {
		case tag == "":
			text.WriteString(s)
		case token.KindOfTag(tag) == token.KindLanguage:
			rich = append(rich, decorate(text.String(), count))
			text.Reset()
			clear(count)
		default:
			count[tag]++
		}
	}
	return append(rich, decorate(text.String(), count))
}

// decorate adds the emoji of the tags that were counted in a part to its text. A space beside an
// emoji goes.
func decorate(text string, count map[string]int) string {
	for _, e := range events {
		if count[e.tag] > 0 {
			text = e.emoji + text
		}
	}
	emotion := mark{tag: neutral}
	for _, e := range emotions {
		if count[e.tag] > count[emotion.tag] {
			emotion = e
		}
	}
	text += emotion.emoji
	for _, emoji := range emojis {
		text = strings.ReplaceAll(text, " "+emoji, emoji)
		text = strings.ReplaceAll(text, emoji+" ", emoji)
	}
	return strings.TrimSpace(text)
}

// leading returns the event's emoji that text begins with, or "".
func leading(text string) string {
	for _, e := range events {
		if e.emoji != "" && strings.HasPrefix(text, e.emoji) {
			return e.emoji
		}
	}
	return ""
}

// trailing returns the emotion's emoji that text ends with, or "".
func trailing(text string) string {
	for _, e := range emotions {
		if e.emoji != "" && strings.HasSuffix(text, e.emoji) {
			return e.emoji
		}
	}
	return ""
}

// needsSpace reports whether two texts would run into each other: "gold." and "The" do, "吗？" and
// "不" do not, nor does an emoji.
func needsSpace(before []byte, after string) bool {
	last, _ := utf8.DecodeLastRune(before)
	first, _ := utf8.DecodeRuneInString(after)
	return len(before) > 0 && after != "" && spaced(last) && spaced(first)
}

func spaced(r rune) bool { return ' ' < r && r < utf8.RuneSelf || token.Spaced(r) }
