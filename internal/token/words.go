package token

import (
	"strings"
	"unicode"
)

// Word is a word of a sequence of tokens.
type Word struct {
	Text       string // without spaces
	Start, End int    // the word is made of tokens Start to End-1
}

// Words groups the texts of a sequence of tokens, as [Vocabulary.Texts] gives them. A text beginning with a space starts a
// word; one of letters, digits and apostrophes joins such a text before it; everything else stands alone:
// punctuation, and the pieces of scripts that put no spaces between words.
//
// FunASR joins ASCII letters only, which tears "don't", "2025" and every Korean word apart.
func Words(texts []string) []Word {
	var words []Word
	joinable := false // whether the next text may belong to the last word
	for i, text := range texts {
		trimmed := strings.TrimSpace(text)
		if trimmed == "" {
			if text == "" && joinedTo(words, i) { // a further byte of the word's last character
				words[len(words)-1].End = i + 1
			} else {
				joinable = false
			}
			continue
		}
		joins := all(trimmed, inWord)
		if joinable && joins && text[0] != ' ' {
			last := &words[len(words)-1]
			last.Text += trimmed
			last.End = i + 1
		} else {
			words = append(words, Word{Text: trimmed, Start: i, End: i + 1})
		}
		joinable = joins && text[len(text)-1] != ' '
	}
	return words
}

// joinedTo reports whether the last word ends right before token i.
func joinedTo(words []Word, i int) bool {
	return len(words) > 0 && words[len(words)-1].End == i
}

// unspaced are the scripts that put no spaces between words. Korean does.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// Spaced reports whether r is a letter, mark or digit of a script that puts spaces between words.
func Spaced(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !unicode.In(r, unspaced...)
}

func inWord(r rune) bool { return Spaced(r) || r == '\'' || r == '’' }

func all(s string, is func(rune) bool) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
}
