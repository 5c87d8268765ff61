// Package lang holds messages for people in English and Chinese. A message is made in both languages where its facts are known, and
// one is chosen where it is printed.
package lang

import (
	"fmt"
	"strings"
)

// Language is what messages for people are in.
type Language uint8

// The languages.
const (
	English Language = iota
	Chinese
)

// FromEnv returns the user's language: SENSEVOICE_LANG, else as the system's locale says (LC_ALL, LC_MESSAGES, LANG). A
// SENSEVOICE_LANG that is neither language is an error.
func FromEnv(getenv func(string) string) (Language, error) {
	if own := getenv("SENSEVOICE_LANG"); own != "" {
		switch {
		case chinese(own):
			return Chinese, nil
		case strings.HasPrefix(strings.ToLower(own), "en"):
			return English, nil
		}
		return English, fmt.Errorf("SENSEVOICE_LANG=%s: must be zh or en", own)
	}
	for _, key := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(key); v != "" {
			if chinese(v) {
				return Chinese, nil
			}
			return English, nil
		}
	}
	return English, nil
}

func chinese(locale string) bool { return strings.HasPrefix(strings.ToLower(locale), "zh") }

// Text is a message in both languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Sprintf makes a text; both formats take the same arguments, which %[1]s and the like may reorder.
func Sprintf(en, zh string, args ...any) Text {
	return Text{fmt.Sprintf(en, args...), fmt.Sprintf(zh, args...)}
}

// In returns the text in one language.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.ZH
	}
	return t.EN
}

// Empty tells whether the text says nothing.
func (t Text) Empty() bool { return t == Text{} }

// String returns the English text.
func (t Text) String() string { return t.EN }
