package token

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// pieces is a vocabulary with every kind of piece.
var pieces = []string{
	"<blank>", "<s>", "</s>", "▁", "▁the", "The", "▁tri", "bal", "开", "放", ".", "'", "s", "▁19", "84",
	"▁안녕", "하세요", "<0xE4>", "<0xBD>", "<0xA0>", "<0x41>", "<0xE3>", "<0x80>", "<0xZZ>", "<|zh|>", "<|en|>",
	"<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "<|de|>", "<",
}

func build(t testing.TB) *Vocabulary {
	t.Helper()
	v, err := New(pieces)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ids finds pieces written with commas between them.
func ids(t testing.TB, v *Vocabulary, list string) []int32 {
	t.Helper()
	var found []int32
	for piece := range strings.SplitSeq(list, ",") {
		if piece == "" {
			continue
		}
		id, ok := v.Find(piece)
		if !ok {
			t.Fatalf("no piece %q", piece)
		}
		found = append(found, id)
	}
	return found
}

func TestVocabulary(t *testing.T) {
	v := build(t)
	if v.Len() != len(pieces) {
		t.Errorf("Len() = %d, want %d", v.Len(), len(pieces))
	}
	for id, piece := range pieces {
		if got := v.Piece(int32(id)); got != piece {
			t.Errorf("Piece(%d) = %q, want %q", id, got, piece)
		}
		if got, ok := v.Find(piece); !ok || got != int32(id) {
			t.Errorf("Find(%q) = %d, %v; want %d", piece, got, ok, id)
		}
	}
	if id, ok := v.Find("absent"); ok {
		t.Errorf("Find(absent) = %d", id)
	}
	for _, id := range []int32{-1, int32(len(pieces))} {
		if v.Piece(id) != "" || v.Kind(id) != KindControl || v.Tag(id) != "" {
			t.Errorf("id %d outside of the vocabulary is not empty", id)
		}
	}
	for piece, want := range map[string]string{"<|zh|>": "zh", "<|de|>": "de", "The": "", "<s>": "", "<": ""} {
		id, _ := v.Find(piece)
		if got := v.Tag(id); got != want {
			t.Errorf("Tag(%q) = %q, want %q", piece, got, want)
		}
	}
}

func TestBlankIsControlWhateverItsName(t *testing.T) {
	for _, name := range []string{"<unk>", "<blank>", "a", "<|zh|>", "<0x41>"} {
		v, err := New([]string{name, "b"})
		if err != nil {
			t.Fatal(err)
		}
		if v.Kind(Blank) != KindControl || v.Text([]int32{Blank, 1}) != "b" || v.Tag(Blank) != "" {
			t.Errorf("the blank named %q has a text", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"none", nil, "vocabulary: no pieces"},
		{"empty", []string{"a", ""}, "vocabulary: piece 1: empty text"},
		{"twice", []string{"a", "b", "a"}, `vocabulary: piece 2: "a" is already piece 0`},
		{"not UTF-8", []string{"a\xff"}, `vocabulary: piece 0: "a\xff" is not UTF-8`},
		{"long", []string{strings.Repeat("a", 513)}, "vocabulary: piece 0: 513 bytes of text, more than 512"},
		{"many", make([]string, maxPieces+1), "vocabulary: more than 1048576 pieces"},
	} {
		_, err := New(test.pieces)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
		if _, ok := errors.AsType[*FormatError](err); !ok {
			t.Errorf("%s: %T is no *FormatError", test.name, err)
		}
	}
}

func TestText(t *testing.T) {
	v := build(t)
	for _, test := range []struct{ pieces, text string }{
		{"", ""},
		{"<|en|>,<|NEUTRAL|>,<|Speech|>,<|withitn|>,The,▁tri,bal", "<|en|><|NEUTRAL|><|Speech|><|withitn|>The tribal"},
		{"<|en|>,▁the,▁tri,bal,.", "<|en|> the tribal."},
		{"▁the,▁tri,bal", "the tribal"},
		{"▁,▁the", "the"},
		{"<s>,▁the,</s>", "the"},
		{"开,放", "开放"},
		{"<0xE4>,<0xBD>,<0xA0>", "你"},
		{"开,<0xE4>,<0xBD>,<0xA0>,<0x41>,放", "开你A放"},
		{"<0xE4>,<0xBD>", "\ufffd\ufffd"},
		{"<0xBD>,<0x41>,<0xE4>", "\ufffdA\ufffd"},
		{"<0xE4>,<blank>,<0xBD>,<0xA0>", "\ufffd\ufffd\ufffd"},
		{"<0xZZ>", "<0xZZ>"},
	} {
		sequence := ids(t, v, test.pieces)
		if got := v.Text(sequence); got != test.text {
			t.Errorf("Text(%s) = %q, want %q", test.pieces, got, test.text)
		}
		if joined := strings.TrimLeft(strings.Join(v.Texts(sequence), ""), " "); joined != test.text {
			t.Errorf("Texts(%s) join to %q, want %q", test.pieces, joined, test.text)
		}
	}
	if got := v.Text([]int32{-1, 1 << 30, 7}); got != "bal" {
		t.Errorf("ids outside of the vocabulary: %q", got)
	}
}

func TestTexts(t *testing.T) {
	v := build(t)
	got := v.Texts(ids(t, v, "▁tri,bal,<0xE4>,<0xBD>,<0xA0>,<0xBD>,开"))
	want := []string{" tri", "bal", "你", "", "", "\ufffd", "开"}
	if !slices.Equal(got, want) {
		t.Errorf("Texts = %q, want %q", got, want)
	}
}

func TestWords(t *testing.T) {
	v := build(t)
	for _, test := range []struct {
		pieces string
		want   []Word
	}{
		{"", nil},
		{"The,▁tri,bal,.", []Word{{"The", 0, 1}, {"tribal", 1, 3}, {".", 3, 4}}},
		{"bal,',s,▁the", []Word{{"bal's", 0, 3}, {"the", 3, 4}}},
		{"▁19,84", []Word{{"1984", 0, 2}}},
		{"开,放,bal,放", []Word{{"开", 0, 1}, {"放", 1, 2}, {"bal", 2, 3}, {"放", 3, 4}}},
		{"▁안녕,하세요", []Word{{"안녕하세요", 0, 2}}},
		{"bal,▁,bal", []Word{{"bal", 0, 1}, {"bal", 2, 3}}},
		{"<0xE4>,<0xBD>,<0xA0>,开", []Word{{"你", 0, 3}, {"开", 3, 4}}},
		{"<0xE3>,<0x80>,<0x80>,bal", []Word{{"bal", 3, 4}}}, // an ideographic space, in bytes
		{"bal,<0xE3>,<0x80>,<0x80>,bal", []Word{{"bal", 0, 1}, {"bal", 4, 5}}},
	} {
		if got := Words(v.Texts(ids(t, v, test.pieces))); !reflect.DeepEqual(got, test.want) {
			t.Errorf("Words(%s) = %+v, want %+v", test.pieces, got, test.want)
		}
	}
}
