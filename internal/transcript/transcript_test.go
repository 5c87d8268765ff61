package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/ctc"
	"sensevoice/internal/token"
)

var pieces = []string{
	"<unk>", "<|en|>", "<|zh|>", "<|NEUTRAL|>", "<|HAPPY|>", "<|Speech|>", "<|BGM|>", "<|withitn|>",
	"The", "▁tribal", "▁chieftain", ".", "开", "放",
}

// say decodes rows given by their pieces, "" for a blank, each with probability 1/e.
func say(t *testing.T, rows ...string) (*token.Vocabulary, *ctc.Sequence) {
	t.Helper()
	v, err := token.New(pieces)
	if err != nil {
		t.Fatal(err)
	}
	ids, logProbs := make([]int32, len(rows)), make([]float32, len(rows))
	for i, piece := range rows {
		logProbs[i] = -1
		if piece == "" {
			continue
		}
		id, ok := v.Find(piece)
		if !ok {
			t.Fatalf("no piece %q", piece)
		}
		ids[i] = id
	}
	var s ctc.Sequence
	if err := s.Decode(v, ids, logProbs); err != nil {
		t.Fatal(err)
	}
	return v, &s
}

func segment(t *testing.T, start, end int, rows ...string) Segment {
	t.Helper()
	v, said := say(t, rows...)
	return NewSegment(v, said, start, end)
}

func TestJSON(t *testing.T) {
	result := New("a & b.wav", 3.2504999, []Segment{
		segment(t, 120, 560, "<|en|>", "<|HAPPY|>", "<|BGM|>", "<|withitn|>", "", "The", "The", "▁tribal", "", "", "."),
		segment(t, 1000, 1600, "<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "", "▁chieftain", "<|BGM|>", "."),
		segment(t, 2000, 2100, "", "", "", "", ""),
	}, NewTiming(3250*time.Millisecond, 12*time.Millisecond, 3*time.Millisecond, 97654*time.Microsecond, 123*time.Millisecond))
	want := `{"file":"a & b.wav","duration":3.25,"language":"en",` +
		`"text":"🎼The tribal.😊chieftain.",` +
		`"raw_text":"<|en|><|HAPPY|><|BGM|><|withitn|>The tribal. <|en|><|NEUTRAL|><|Speech|><|withitn|> chieftain<|BGM|>.",` +
		`"clean_text":"The tribal. chieftain.",` +
		`"segments":[` +
		`{"start":0.12,"end":0.56,"text":"🎼The tribal.😊","raw_text":"<|en|><|HAPPY|><|BGM|><|withitn|>The tribal.","language":"en","emotion":"HAPPY","event":"BGM","tokens":[` +
		`{"id":8,"text":"The","start":0.15,"end":0.27,"logprob":-1},` +
		`{"id":9,"text":" tribal","start":0.27,"end":0.33,"logprob":-1},` +
		`{"id":11,"text":".","start":0.45,"end":0.51,"logprob":-1}],"times_by":"aligned"},` +
		`{"start":1,"end":1.6,"text":"🎼chieftain.","raw_text":"<|en|><|NEUTRAL|><|Speech|><|withitn|> chieftain<|BGM|>.","language":"en","emotion":"NEUTRAL","event":"Speech","tokens":[` +
		`{"id":10,"text":" chieftain","start":1.03,"end":1.09,"logprob":-1},` +
		`{"id":11,"text":".","start":1.15,"end":1.21,"logprob":-1}],"times_by":"aligned"},` +
		`{"start":2,"end":2.1,"text":"","raw_text":"","language":"","emotion":"","event":"","tokens":[],"times_by":"segment"}],"skipped":[],` +
		`"timing":{"audio_s":3.25,"load_s":0.012,"feature_s":0.003,"encode_s":0.098,"total_s":0.123,"rtf":0.0378}}` + "\n"
	var got bytes.Buffer
	if err := WriteJSON(&got, result); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("\n got %s\nwant %s", &got, want)
	}
	var again Result
	if err := json.Unmarshal(got.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	if again.Text != result.Text || len(again.Segments) != 3 || again.Segments[0].Tokens[1].Start != 0.27 {
		t.Errorf("read back: %+v", again)
	}
}

func TestJSONListsAreNeverNull(t *testing.T) {
	for _, value := range []any{Result{}, &Result{}, Segment{}, New("", 0, nil, Timing{}), []Segment{{}}} {
		data, err := json.Marshal(value)
		if err != nil || strings.Contains(string(data), "null") {
			t.Errorf("%T: %s, %v", value, data, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct {
		value json.Marshaler
		want  string
	}{
		{Seconds(0), "0"},
		{Seconds(math.Copysign(0, -1)), "0"},
		{Seconds(-0.0001), "0"},
		{Seconds(1.0006), "1.001"},
		{Seconds(10800.03), "10800.03"},
		{Seconds(1e9), "1000000000"},
		{LogProb(-0.00004), "0"},
		{LogProb(-1.23456), "-1.2346"},
		{LogProb(float32(-0.1)), "-0.1"},
		{Ratio(0.00125), "0.0013"},
	} {
		if got, err := json.Marshal(test.value); err != nil || string(got) != test.want {
			t.Errorf("%T(%v) = %s, %v; want %s", test.value, test.value, got, err, test.want)
		}
	}
	for _, value := range []any{Seconds(math.NaN()), LogProb(math.Inf(-1)), Ratio(math.Inf(1)), Segment{End: Seconds(math.NaN())}} {
		if got, err := json.Marshal(value); err == nil {
			t.Errorf("%v was written as %s", value, got)
		}
	}
	if rtf := NewTiming(0, 0, 0, 0, time.Second).RTF; rtf != 0 {
		t.Errorf("real-time factor %v without audio, want 0", rtf)
	}
}

func TestLanguage(t *testing.T) {
	for _, test := range []struct {
		name     string
		segments []Segment
		want     string
	}{
		{"none", nil, ""},
		{"untold", []Segment{{End: 9}}, ""},
		{"most time", []Segment{{End: 2, Language: "en"}, {Start: 2, End: 5, Language: "zh"}}, "zh"},
		{"time adds up", []Segment{{End: 2, Language: "en"}, {Start: 2, End: 5, Language: "zh"}, {Start: 5, End: 7, Language: "en"}}, "en"},
		{"equals", []Segment{{End: 2, Language: "en"}, {Start: 2, End: 4, Language: "zh"}}, "en"},
		{"mostly silent", []Segment{{End: 9, Language: "nospeech"}, {Start: 9, End: 10, Language: "ko"}}, "ko"},
		{"silent at the end", []Segment{{End: 1, Language: "ko"}, {Start: 1, End: 10, Language: "nospeech"}}, "ko"},
		{"silent", []Segment{{End: 9, Language: "nospeech"}}, "nospeech"},
	} {
		if got := New("", 0, test.segments, Timing{}).Language; got != test.want {
			t.Errorf("%s: language %q, want %q", test.name, got, test.want)
		}
	}
}

func TestTokensAreTheTextWithoutTags(t *testing.T) {
	s := segment(t, 0, 1000, "<|zh|>", "", "<|Speech|>", "放", "", "开", "开", "", "开", "<|en|>", "▁tribal", ".")
	text := ""
	for _, token := range s.Tokens {
		text += token.Text
	}
	if want := "放开开 tribal."; text != want || Clean(s.RawText) != want {
		t.Errorf("tokens %q, clean text %q; want %q", text, Clean(s.RawText), want)
	}
	if s.Language != "zh" || s.Emotion != "" || s.Event != "Speech" {
		t.Errorf("language %q, emotion %q, event %q", s.Language, s.Emotion, s.Event)
	}
}

func TestSegmentKeepsNothingOfTheSequence(t *testing.T) {
	v, said := say(t, "<|en|>", "", "", "", "The", "▁tribal")
	s := NewSegment(v, said, 0, 1000)
	before, _ := json.Marshal(s)
	if err := said.Decode(v, []int32{2, 3, 5, 7, 12, 13}, make([]float32, 6)); err != nil {
		t.Fatal(err)
	}
	if after, _ := json.Marshal(s); !bytes.Equal(before, after) {
		t.Errorf("was %s, became %s", before, after)
	}
}

func TestWriteText(t *testing.T) {
	for _, test := range []struct {
		result Result
		named  bool
		want   string
	}{
		{Result{File: "a.wav", Text: "Gold."}, false, "Gold.\n"},
		{Result{File: "a.wav", Text: "Gold."}, true, "a.wav: Gold.\n"},
		{Result{File: "a.wav"}, false, "\n"},
		{Result{File: "a\nb\x1b[31m.wav", Text: "Gold.\r\n开\u0085"}, true, "a b [31m.wav: Gold.  开 \n"},
	} {
		var got strings.Builder
		if err := WriteText(&got, &test.result, test.named); err != nil || got.String() != test.want {
			t.Errorf("%+v: %q, %v; want %q", test.result, got.String(), err, test.want)
		}
	}
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersReportErrors(t *testing.T) {
	if err := WriteText(full{}, &Result{}, false); !errors.Is(err, errFull) {
		t.Errorf("text: %v, want %v", err, errFull)
	}
	if err := WriteJSON(full{}, &Result{}); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v, want %v", err, errFull)
	}
}
