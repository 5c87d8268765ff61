package transcript

import "testing"

func TestKeep(t *testing.T) {
	for _, test := range []struct {
		name        string
		rows        []string
		first, last int
		raw, text   string
	}{
		{
			"all",
			[]string{"<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "The", "▁tribal", "▁chieftain", "."},
			0, 4,
			"<|en|><|NEUTRAL|><|Speech|><|withitn|>The tribal chieftain.", "The tribal chieftain.",
		},
		{
			"first",
			[]string{"<|en|>", "<|HAPPY|>", "<|Speech|>", "<|withitn|>", "The", "▁tribal", "▁chieftain", "."},
			0, 1,
			"<|en|><|HAPPY|><|Speech|><|withitn|>The", "The😊",
		},
		{
			"last",
			[]string{"<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "The", "▁tribal", "▁chieftain", "."},
			2, 4,
			"<|en|><|NEUTRAL|><|Speech|><|withitn|> chieftain.", "chieftain.",
		},
		{
			"none",
			[]string{"<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "The", "▁tribal"},
			1, 1,
			"<|en|><|NEUTRAL|><|Speech|><|withitn|>", "",
		},
		{
			"tag inside",
			[]string{"<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "开", "<|BGM|>", "放", "."},
			1, 2,
			"<|zh|><|NEUTRAL|><|Speech|><|withitn|><|BGM|>放", "🎼放",
		},
		{"no tags", []string{"", "", "", "", "▁tribal", "▁chieftain", "."}, 1, 3, " chieftain.", "chieftain."},
		{"no tags, first", []string{"", "", "", "", "▁tribal", "▁chieftain", "."}, 0, 1, "tribal", "tribal"},
	} {
		s := segment(t, 0, 1000, test.rows...)
		s.Keep(test.first, test.last)
		if s.RawText != test.raw || s.Text != test.text || len(s.Tokens) != test.last-test.first {
			t.Errorf("%s: raw %q, text %q, %d tokens; want %q, %q", test.name, s.RawText, s.Text, len(s.Tokens), test.raw, test.text)
		}
		if want := map[bool]string{true: TimesAligned, false: TimesSegment}[test.last > test.first]; s.TimesBy != want {
			t.Errorf("%s: times by %q", test.name, s.TimesBy)
		}
	}
}

func TestShift(t *testing.T) {
	s := segment(t, 0, 1000, "<|en|>", "", "", "", "The", "▁tribal", "▁chieftain")
	s.Words = s.FindWords()
	was := s.Tokens[1].Start
	s.Shift(10)
	if s.Start != 10 || s.End != 11 || s.Tokens[1].Start != was+10 || s.Words[1].Start != was+10 || s.Words[2].Text != "chieftain" {
		t.Errorf("%+v", s)
	}
}
