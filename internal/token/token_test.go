package token

import "testing"

func TestCutTag(t *testing.T) {
	for _, test := range []struct {
		in, name, rest string
		ok             bool
	}{
		{"<|zh|>你好", "zh", "你好", true},
		{"<|Speech_Noise|>", "Speech_Noise", "", true},
		{"<|/BGM|><|en|>", "/BGM", "<|en|>", true},
		{"", "", "", false},
		{"x<|zh|>", "", "x<|zh|>", false},
		{"<||>", "", "<||>", false},
		{"<|zh", "", "<|zh", false},
		{"<|zh|", "", "<|zh|", false},
		{"<|a|b|>", "", "<|a|b|>", false},
		{"<|a<|zh|>", "", "<|a<|zh|>", false},
		{"<|a b|>", "", "<|a b|>", false},
		{"<|a>|>", "", "<|a>|>", false},
	} {
		name, rest, ok := CutTag(test.in)
		if name != test.name || rest != test.rest || ok != test.ok {
			t.Errorf("CutTag(%q) = %q, %q, %v; want %q, %q, %v", test.in, name, rest, ok, test.name, test.rest, test.ok)
		}
	}
}

func TestKindOf(t *testing.T) {
	for piece, want := range map[string]Kind{
		"▁the": KindText, "开": KindText, "<": KindText, "<|": KindText, "<0xE4>": KindText, "<|zh|>x": KindText,
		"<s>": KindControl, "</s>": KindControl, "<unk>": KindControl, "<blank>": KindControl,
		"<|zh|>": KindLanguage, "<|nospeech|>": KindLanguage, "<|ZH|>": KindTag, "<|de|>": KindTag,
		"<|HAPPY|>": KindEmotion, "<|EMO_UNKNOWN|>": KindEmotion, "<|OTHER|>": KindTag,
		"<|Speech|>": KindEvent, "<|/Speech|>": KindTag, "<|Event_UNK|>": KindEvent,
		"<|withitn|>": KindTextNorm, "<|woitn|>": KindTextNorm, "<|SPECIAL_TOKEN_1|>": KindTag,
	} {
		if got := KindOf(piece); got != want {
			t.Errorf("KindOf(%q) = %d, want %d", piece, got, want)
		}
	}
}
