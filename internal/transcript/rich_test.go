package transcript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRichAgainstFunASR(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "rich.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Raw, FunASR, Rich, Why string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, test := range cases {
		want := test.FunASR
		if test.Why != "" {
			want = test.Rich
		}
		if got := Rich(test.Raw); got != want {
			t.Errorf("Rich(%q)\n got %q\nwant %q", test.Raw, got, want)
		}
	}
}

func TestRichOfSegments(t *testing.T) {
	const en, zh = "<|en|><|NEUTRAL|><|Speech|><|withitn|>", "<|zh|><|NEUTRAL|><|Speech|><|withitn|>"
	for _, test := range []struct {
		raws []string
		want string
	}{
		{nil, ""},
		{[]string{"", ""}, ""},
		{[]string{en + "Gold.", en + "Silver."}, "Gold. Silver."},
		{[]string{en + "Gold,", "", en, en + "'silver'"}, "Gold, 'silver'"},
		{[]string{zh + "你好。", zh + "不。", en + "Yes."}, "你好。不。Yes."},
		{[]string{zh + "你好", en + "hello", zh + "你好"}, "你好hello你好"},
		{[]string{"<|ko|><|Speech|>안녕", "<|ko|><|Speech|>하세요"}, "안녕 하세요"},
		{[]string{en + "one<|en|>two", en + "three"}, "onetwo three"},
		{[]string{"no tag", "none here"}, "no tag none here"},
		{[]string{"<|en|><|HAPPY|>one", "<|en|><|HAPPY|>two"}, "one two😊"},
		{[]string{"<|en|><|HAPPY|>one", "<|en|><|SAD|>two"}, "one😊two😔"},
		{[]string{"<|en|><|BGM|>one", "<|en|><|BGM|>two", "<|en|><|BGM|>three"}, "🎼one two🎼three"}, // as FunASR: dropped, it is not there to be compared with
		{[]string{"<|nospeech|><|Event_UNK|>", en + "one"}, "❓one"},
	} {
		if got := Rich(test.raws...); got != test.want {
			t.Errorf("Rich(%q)\n got %q\nwant %q", test.raws, got, test.want)
		}
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct {
		raws []string
		want string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"<|en|><|HAPPY|><|Speech|><|withitn|>The tribal chieftain."}, "The tribal chieftain."},
		{[]string{"<|en|><|OTHER|><|/BGM|><|withitn|> The  tribal "}, "The tribal"},
		{[]string{"a <|b|> c <|d|> e"}, "a c e"}, // a greedy pattern would eat the c
		{[]string{"a <| b |> c <||> < | >"}, "a <| b |> c <||> < | >"},
		{[]string{"<|zh|>你好<|en|>hello"}, "你好hello"},
		{[]string{"<|en|>one", "<|en|>two", "<|zh|>", "<|zh|>三"}, "one two三"},
	} {
		if got := Clean(test.raws...); got != test.want {
			t.Errorf("Clean(%q) = %q, want %q", test.raws, got, test.want)
		}
	}
}

func FuzzRich(f *testing.F) {
	f.Add("<|en|><|HAPPY|><|BGM|><|withitn|>one <|en|><|HAPPY|><|BGM|>two", "<|nospeech|><|Event_UNK|>")
	f.Add("<|<|<||>", " 😊 🎼 ")
	f.Fuzz(func(t *testing.T, first, second string) {
		if !utf8.ValidString(first) || !utf8.ValidString(second) {
			t.Skip("the text of a vocabulary is UTF-8")
		}
		for _, text := range []string{Rich(first, second), Clean(first, second)} {
			if !utf8.ValidString(text) || text != strings.TrimSpace(text) {
				t.Errorf("%q", text)
			}
		}
	})
}
