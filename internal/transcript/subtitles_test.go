package transcript

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// spoken makes a segment of tokens that are said one after the other, each lasting 0.3 s from every 0.4 s on.
func spoken(start Seconds, tokens ...string) Segment {
	s := Segment{Start: start, RawText: strings.TrimSpace(strings.Join(tokens, "")), TimesBy: TimesAligned}
	s.Text = s.RawText
	for i, text := range tokens {
		at := start + Seconds(i)*0.4 + 0.2
		s.Tokens = append(s.Tokens, Token{ID: int32(i + 1), Text: text, Start: at, End: at + 0.3})
	}
	s.End = start + Seconds(len(tokens))*0.4 + 0.4
	return s
}

func srt(t *testing.T, width int, segments ...Segment) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteSRT(&out, &Result{Segments: segments}, Layout{MaxLineWidth: width}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSRT(t *testing.T) {
	got := srt(t, 12,
		spoken(0, " the", " tri", "bal", " chief", "tain", " call", "ed", "."),
		Segment{Start: 4, End: 5},
		spoken(3661, "开", "放", "时", "间", "早", "上", "九", "点", "。"))
	want := `1
00:00:00,200 --> 00:00:02,200
the tribal
chieftain

2
00:00:02,200 --> 00:00:03,600
called.

3
01:01:01,200 --> 01:01:05,000
开放时间早上
九点。

`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestVTT(t *testing.T) {
	var out bytes.Buffer
	s := spoken(0, " a", "<b>", " &", " -->", "\n\n", "c\x1b[31m")
	if err := WriteVTT(&out, &Result{Segments: []Segment{s}}, DefaultLayout()); err != nil {
		t.Fatal(err)
	}
	want := "WEBVTT\n\n00:00:00.200 --> 00:00:02.800\na&lt;b&gt; &amp; --&gt;c [31m\n\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

func TestNoCues(t *testing.T) {
	for _, s := range []Segment{{}, spoken(0), spoken(1, " ", "\n"), {Text: "🎼", RawText: "<|BGM|>", End: 4}} {
		if got := srt(t, 42, s); got != "" {
			t.Errorf("%+v: %q", s, got)
		}
	}
}

func TestTSV(t *testing.T) {
	var out bytes.Buffer
	segments := []Segment{{Start: 0.12, End: 1.9996, Text: "a\tb\nc😊"}, {Start: 3, End: 4}}
	if err := WriteTSV(&out, &Result{Segments: segments}); err != nil {
		t.Fatal(err)
	}
	if want := "start\tend\ttext\n120\t2000\ta b c😊\n3000\t4000\t\n"; out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "开放": 4, "ｱ": 1, "Ａ": 2, "안녕": 4, "e\u0301": 1, "🎼": 2, "a\u200bb": 2} {
		if got := columns(text); got != want {
			t.Errorf("%q: %d columns, want %d", text, got, want)
		}
	}
}

// TestCueRules makes subtitles of random segments, and holds what must be true of all.
func TestCueRules(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	pieces := []string{" one", " extraordinarily", "ly", ".", ",", "开", "放", "。", "？", " 안녕", "하세요", " ", "あ", strings.Repeat("x", 70), "!"}
	for range 300 {
		var result Result
		at := Seconds(0)
		said := 0
		for range r.IntN(5) {
			s := Segment{Start: at}
			for range r.IntN(60) {
				at += Seconds(r.IntN(40)) * 0.06
				text := pieces[r.IntN(len(pieces))]
				end := at + Seconds(r.IntN(8))*0.06
				s.Tokens = append(s.Tokens, Token{Text: text, Start: at, End: end})
				said += len(strings.ReplaceAll(text, " ", ""))
				at = end
			}
			s.End = at
			result.Segments = append(result.Segments, s)
		}
		width := 8 + r.IntN(60)
		last, shown := Seconds(0), 0
		for _, c := range cues(&result, Layout{MaxLineWidth: width}) {
			if !(c.start >= last && c.end >= c.start+minCue && c.end <= c.start+maxCue+0.001) {
				t.Fatalf("a cue from %v to %v after %v", c.start, c.end, last)
			}
			if len(c.lines) < 1 || len(c.lines) > maxLines {
				t.Fatalf("%d lines: %q", len(c.lines), c.lines)
			}
			for _, line := range c.lines {
				if strings.TrimSpace(line) == "" || columns(line) > width || !utf8.ValidString(line) {
					t.Fatalf("line %q of %d columns, want at most %d", line, columns(line), width)
				}
				shown += len(strings.ReplaceAll(line, " ", ""))
			}
			last = c.end
		}
		if shown != said {
			t.Fatalf("%d bytes shown of %d", shown, said)
		}
	}
}

func FuzzSubtitles(f *testing.F) {
	f.Add(" hello 世界.", 0.5, 0.7, 42)
	f.Add("\u0301\u0301", -1.0, 1e9, 1)
	f.Fuzz(func(t *testing.T, text string, start, end float64, width int) {
		if !utf8.ValidString(text) || !(start >= 0 && end >= start && end < 1e8) || width < 2 || width > 1000 {
			t.Skip("the text of a vocabulary is UTF-8, times are true")
		}
		half := len(text) / 2
		for !utf8.ValidString(text[:half]) {
			half--
		}
		s := Segment{Start: Seconds(start), End: Seconds(end), Text: text, Tokens: []Token{
			{Text: text[:half], Start: Seconds(start), End: Seconds(start+end) / 2},
			{Text: text[half:], Start: Seconds(start+end) / 2, End: Seconds(end)},
		}}
		for _, c := range cues(&Result{Segments: []Segment{s}}, Layout{MaxLineWidth: width}) {
			if len(c.lines) == 0 || c.end <= c.start || strings.Contains(strings.Join(c.lines, ""), "\n") {
				t.Errorf("%+v", c)
			}
		}
	})
}
