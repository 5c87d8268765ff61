package token

import (
	"errors"
	"strings"
	"testing"
)

func TestParseLanguage(t *testing.T) {
	for in, want := range map[string]Language{
		"": Auto, "  ": Auto, "auto": Auto, "zh": Chinese, "ZH": Chinese, "zh-CN": Chinese, "zh_cn": Chinese,
		"Mandarin": Chinese, "en": English, "English": English, "en-US": English, "yue": Cantonese,
		"cantonese": Cantonese, "ja-JP": Japanese, "jp": Japanese, "ko": Korean, "nospeech": NoSpeech,
	} {
		if got, err := ParseLanguage(in); err != nil || got != want {
			t.Errorf("ParseLanguage(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseLanguageRefuses(t *testing.T) {
	const all = "(auto, zh, en, yue, ja, ko, nospeech)"
	for in, want := range map[string]string{
		"zn":                       `unknown language "zn": did you mean "zh"? ` + all,
		"Chineese":                 `unknown language "Chineese": did you mean "zh"? ` + all,
		"japanse":                  `unknown language "japanse": did you mean "ja"? ` + all,
		"no-speach":                `unknown language "no-speach": did you mean "nospeech"? ` + all,
		"fr":                       `unknown language "fr" ` + all,
		"<|zh|>x\x00y\x1b":         `unknown language "<|zh|>x\x00y\x1b" ` + all,
		strings.Repeat("z", 1<<16): `unknown language "` + strings.Repeat("z", 32) + `"... ` + all,
	} {
		got, err := ParseLanguage(in)
		if err == nil || err.Error() != want {
			t.Errorf("ParseLanguage(%.40q) = %q, %v; want %s", in, got, err, want)
		}
		if unknown, ok := errors.AsType[*UnknownLanguageError](err); !ok || unknown.Language != in {
			t.Errorf("ParseLanguage(%.40q): %T is not an *UnknownLanguageError with it", in, err)
		}
	}
}

func TestLanguages(t *testing.T) {
	seen := map[string]Language{}
	for spelling, code := range spellings() {
		if other, ok := seen[spelling]; ok {
			t.Errorf("%q is both %q and %q", spelling, other, code)
		}
		seen[spelling] = code
		if got, err := ParseLanguage(strings.ToUpper(spelling)); err != nil || got != code {
			t.Errorf("ParseLanguage(%q) = %q, %v; want %q", spelling, got, err, code)
		}
	}
	for _, l := range Languages() {
		if l.Name() == "" {
			t.Errorf("%q has no name", l)
		}
		if l != Auto && KindOf(l.Tag()) != KindLanguage {
			t.Errorf("the tag of %q, %q, is no language", l, l.Tag())
		}
	}
	if Auto.Tag() != "" || Chinese.Tag() != "<|zh|>" || Cantonese.Name() != "cantonese" || Language("xx").Name() != "" {
		t.Error("tags or names are wrong")
	}
}
