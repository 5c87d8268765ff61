package token

import (
	"fmt"
	"iter"
	"strings"
)

// Language is what a caller asks the model to expect, by its code.
type Language string

// The languages that the model was trained to be asked for.
const (
	Auto      Language = "auto" // let the model tell
	Chinese   Language = "zh"
	English   Language = "en"
	Cantonese Language = "yue"
	Japanese  Language = "ja"
	Korean    Language = "ko"
	NoSpeech  Language = "nospeech"
)

// languages lists every language with its English name and the other spellings that ParseLanguage
// takes, in lower case with hyphens. zh-HK is not here: it may mean Hong Kong's script as well as
// spoken Cantonese.
var languages = []struct {
	code    Language
	name    string
	aliases []string
}{
	{Auto, "automatic", nil},
	{Chinese, "chinese", []string{"mandarin", "cmn", "zho", "zh-cn", "zh-sg", "zh-tw", "zh-hans", "zh-hant", "cmn-hans-cn"}},
	{English, "english", []string{"eng", "en-us", "en-gb", "en-au", "en-ca", "en-in"}},
	{Cantonese, "cantonese", []string{"yue-hk", "yue-cn", "zh-yue", "yue-hant-hk"}},
	{Japanese, "japanese", []string{"jpn", "jp", "ja-jp"}},
	{Korean, "korean", []string{"kor", "kr", "ko-kr"}},
	{NoSpeech, "no speech", nil},
}

// Languages returns all languages, Auto first.
func Languages() []Language {
	codes := make([]Language, len(languages))
	for i, l := range languages {
		codes[i] = l.code
	}
	return codes
}

// Name returns the English name in lower case, "chinese" for zh, or "" for no language of this package.
func (l Language) Name() string {
	for _, known := range languages {
		if known.code == l {
			return known.name
		}
	}
	return ""
}

// Tag returns the language as the vocabulary writes it: "<|zh|>". Auto has no tag: "".
func (l Language) Tag() string {
	if l == Auto || l == "" {
		return ""
	}
	return "<|" + string(l) + "|>"
}

// ParseLanguage reads a language's code, its English name or a usual spelling ("zh-CN", "ja_JP"),
// without regard to case. "" is Auto. Anything else is an *UnknownLanguageError.
func ParseLanguage(s string) (Language, error) {
	wanted := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "_", "-")
	if wanted == "" {
		return Auto, nil
	}
	best, nearest := tolerance(wanted)+1, Language("")
	for spelling, code := range spellings() {
		if wanted == spelling {
			return code, nil
		}
		if len(spelling) <= 3 && spelling != string(code) {
			continue // else "fr" would be told of "kr"
		}
		if d := distance(wanted, spelling, best); d < best {
			best, nearest = d, code
		}
	}
	return "", &UnknownLanguageError{Language: s, Suggestion: nearest}
}

// spellings yields all that ParseLanguage takes with what it means.
func spellings() iter.Seq2[string, Language] {
	return func(yield func(string, Language) bool) {
		for _, l := range languages {
			for _, spelling := range append([]string{string(l.code), l.name}, l.aliases...) {
				if !yield(spelling, l.code) {
					return
				}
			}
		}
	}
}

// UnknownLanguageError is the error for a language that the model does not know.
type UnknownLanguageError struct {
	Language   string   // as it was given
	Suggestion Language // what may have been meant, or ""
}

func (e *UnknownLanguageError) Error() string {
	hint := ""
	if e.Suggestion != "" {
		hint = fmt.Sprintf(": did you mean %q?", e.Suggestion)
	}
	var codes []string
	for _, code := range Languages() {
		codes = append(codes, string(code))
	}
	return fmt.Sprintf("unknown language %s%s (%s)", quote(e.Language), hint, strings.Join(codes, ", "))
}

// tolerance is how many edits away from a known spelling s still looks like a slip of the fingers.
func tolerance(s string) int { return max(1, len(s)/3) }

// distance is Levenshtein's: the fewest bytes to insert, delete or replace to turn a into b. It does
// not measure what the lengths alone put at least limit apart, since a comes from outside.
func distance(a, b string, limit int) int {
	if apart := max(len(a)-len(b), len(b)-len(a)); apart >= limit {
		return apart
	}
	row := make([]int, len(b)+1) // row[j]: from a[:i] to b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
