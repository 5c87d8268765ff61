package ctc

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/golden"
	"sensevoice/internal/token"
)

// Ids of the vocabulary that vocabulary returns.
const (
	blank int32 = iota
	bos
	en
	zh
	neutral
	happy
	speech
	bgm
	withitn
	german
	the
	cat
	size
)

func vocabulary(t testing.TB) *token.Vocabulary {
	t.Helper()
	v, err := token.New([]string{
		"<unk>", "<s>", "<|en|>", "<|zh|>", "<|NEUTRAL|>", "<|HAPPY|>", "<|Speech|>", "<|BGM|>",
		"<|withitn|>", "<|de|>", "The", "▁cat",
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ramp gives row i the log-probability -i.
func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = -float32(i)
	}
	return values
}

func TestDecode(t *testing.T) {
	v := vocabulary(t)
	for _, test := range []struct {
		name string
		rows []int32
		want Sequence
	}{
		{"silence", []int32{en, neutral, speech, withitn, blank, blank}, Sequence{
			IDs: []int32{en, neutral, speech, withitn}, Language: en, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"no speech rows", []int32{en, neutral, speech, withitn}, Sequence{
			IDs: []int32{en, neutral, speech, withitn}, Language: en, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"repeats", []int32{en, neutral, speech, withitn, the, the, blank, the, cat, cat, blank}, Sequence{
			IDs:      []int32{en, neutral, speech, withitn, the, the, cat},
			Tokens:   []Token{{the, 0, 2, -4}, {the, 3, 4, -7}, {cat, 4, 6, -8}},
			Language: en, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"query rows answer blank", []int32{blank, blank, bgm, blank, the}, Sequence{
			IDs: []int32{bgm, the}, Tokens: []Token{{the, 0, 1, -4}}, Event: bgm,
		}},
		{"tags in each other's rows", []int32{withitn, speech, happy, zh, cat}, Sequence{
			IDs: []int32{withitn, speech, happy, zh, cat}, Tokens: []Token{{cat, 0, 1, -4}},
			Language: zh, Emotion: happy, Event: speech, TextNorm: withitn,
		}},
		{"two of a kind", []int32{en, happy, neutral, withitn, cat}, Sequence{
			IDs: []int32{en, happy, neutral, withitn, cat}, Tokens: []Token{{cat, 0, 1, -4}},
			Language: en, Emotion: happy, TextNorm: withitn,
		}},
		{"a tag without meaning", []int32{german, neutral, speech, withitn}, Sequence{
			IDs: []int32{german, neutral, speech, withitn}, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"a tag runs into the speech", []int32{en, neutral, speech, withitn, withitn, the}, Sequence{
			IDs: []int32{en, neutral, speech, withitn, the}, Tokens: []Token{{the, 1, 2, -5}},
			Language: en, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"tags among the speech", []int32{blank, neutral, speech, withitn, the, zh, bgm, cat}, Sequence{
			IDs:    []int32{neutral, speech, withitn, the, zh, bgm, cat},
			Tokens: []Token{{the, 0, 1, -4}, {cat, 3, 4, -7}}, Emotion: neutral, Event: speech, TextNorm: withitn,
		}},
		{"text in a query row", []int32{en, the, speech, withitn, blank, cat}, Sequence{
			IDs:      []int32{en, the, speech, withitn, cat},
			Tokens:   []Token{{the, 0, 0, -1}, {cat, 1, 2, -5}},
			Language: en, Event: speech, TextNorm: withitn,
		}},
		{"text runs from a query row into the speech", []int32{en, neutral, speech, the, the, the, cat}, Sequence{
			IDs:      []int32{en, neutral, speech, the, cat},
			Tokens:   []Token{{the, 0, 2, -3}, {cat, 2, 3, -6}},
			Language: en, Emotion: neutral, Event: speech,
		}},
		{"control pieces", []int32{en, bos, speech, withitn, bos, cat}, Sequence{
			IDs: []int32{en, bos, speech, withitn, bos, cat}, Tokens: []Token{{cat, 1, 2, -5}},
			Language: en, Event: speech, TextNorm: withitn,
		}},
	} {
		var got Sequence
		if err := got.Decode(v, test.rows, ramp(len(test.rows))); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, got, test.want)
		}
	}
}

func TestLogProbOfMostCertainRow(t *testing.T) {
	var s Sequence
	rows := []int32{en, neutral, speech, withitn, cat, cat, cat}
	if err := s.Decode(vocabulary(t), rows, []float32{0, 0, 0, 0, -2, -0.25, -3}); err != nil {
		t.Fatal(err)
	}
	if got := s.Tokens[0].LogProb; got != -0.25 {
		t.Errorf("log-probability %v, want -0.25", got)
	}
}

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		token             Token
		audio, start, end int
	}{
		{Token{Start: 0, End: 1}, 1000, 0, 30},
		{Token{Start: 1, End: 3}, 1000, 30, 150},
		{Token{Start: 15, End: 17}, 1000, 870, 990},
		{Token{Start: 15, End: 18}, 1000, 870, 1000},
		{Token{Start: 17, End: 18}, 980, 980, 980},
		{Token{Start: 0, End: 0}, 1000, 0, 0},
		{Token{Start: 0, End: 1}, 0, 0, 0},
	} {
		if start, end := test.token.Times(test.audio); start != test.start || end != test.end {
			t.Errorf("%+v in %d ms: %d to %d, want %d to %d", test.token, test.audio, start, end, test.start, test.end)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	v := vocabulary(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, test := range []struct {
		ids      []int32
		logProbs []float32
		want     string
	}{
		{nil, nil, "ctc: 0 rows, fewer than the 4 query rows"},
		{[]int32{en, the, the}, ramp(3), "ctc: 3 rows, fewer than the 4 query rows"},
		{[]int32{en, the, the, the}, ramp(3), "ctc: 4 tokens but 3 probabilities"},
		{[]int32{en, the, -1, the}, ramp(4), "ctc: row 2: token -1 of a vocabulary of 12: the model belongs to another vocabulary"},
		{[]int32{en, the, the, size}, ramp(4), "ctc: row 3: token 12 of a vocabulary of 12: the model belongs to another vocabulary"},
		{[]int32{en, the, the, the}, []float32{0, nan, 0, 0}, "ctc: row 1: log-probability is not finite (NaN)"},
		{[]int32{en, the, the, the}, []float32{0, 0, 0, inf}, "ctc: row 3: log-probability is not finite (-Inf)"},
	} {
		s := Sequence{IDs: []int32{the}, Tokens: []Token{{ID: the}}, Language: en}
		err := s.Decode(v, test.ids, test.logProbs)
		if err == nil || err.Error() != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
		if strings.Contains(test.want, "finite") != errors.Is(err, ErrNotFinite) {
			t.Errorf("%v: errors.Is(ErrNotFinite) is wrong", err)
		}
		if len(s.IDs)+len(s.Tokens) != 0 || s.Language != token.Blank {
			t.Errorf("%s: the sequence still holds %+v", test.want, s)
		}
	}
}

func TestDecodeReusesItsSlices(t *testing.T) {
	v := vocabulary(t)
	rows := []int32{en, neutral, speech, withitn, the, cat, blank, cat}
	logProbs := ramp(len(rows))
	var s Sequence
	decode := func() {
		if err := s.Decode(v, rows, logProbs); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if n := testing.AllocsPerRun(100, decode); n != 0 {
		t.Errorf("%v allocations for a sequence used before, want 0", n)
	}
}

// TestGoldenRows decodes the rows that the reference computed with synthetic weights: whatever they
// say, the text of the tokens must be that of the whole sequence without its tags.
func TestGoldenRows(t *testing.T) {
	file, err := os.Open(golden.Reference(t, "tokens.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	v, err := token.ReadTokens(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(golden.Reference(t, "full", "top1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var clips map[string]struct {
		IDs     []int32   `json:"ids"`
		LogProb []float32 `json:"logprob"`
	}
	if err := json.Unmarshal(data, &clips); err != nil {
		t.Fatal(err)
	}
	for name, rows := range clips {
		var s Sequence
		if err := s.Decode(v, rows.IDs, rows.LogProb); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var all []int32
		for _, token := range s.Tokens {
			all = append(all, token.ID)
		}
		text := slices.DeleteFunc(slices.Clone(s.IDs), func(id int32) bool { return v.Kind(id) != token.KindText })
		if len(all) == 0 || !slices.Equal(all, text) {
			t.Errorf("%s: tokens %v, want %v", name, all, text)
		}
	}
}
