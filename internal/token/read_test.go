package token

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"

	"sensevoice/internal/golden"
)

// encode writes a SentencePiece model: for each piece its text, a score and a type, and after the
// pieces a field that readers must skip.
func encode(pieces ...string) []byte {
	var model []byte
	for _, piece := range pieces {
		var message []byte
		message = protowire.AppendTag(message, 1, protowire.BytesType)
		message = protowire.AppendString(message, piece)
		message = protowire.AppendTag(message, 2, protowire.Fixed32Type)
		message = protowire.AppendFixed32(message, 0xbf800000)
		message = protowire.AppendTag(message, 3, protowire.VarintType)
		message = protowire.AppendVarint(message, 4)
		model = protowire.AppendTag(model, 1, protowire.BytesType)
		model = protowire.AppendBytes(model, message)
	}
	model = protowire.AppendTag(model, 2, protowire.BytesType)
	return protowire.AppendBytes(model, []byte("trainer settings"))
}

func TestReadTokens(t *testing.T) {
	for name, text := range map[string]string{
		"plain":         "<unk> 0\n▁the 1\n<|zh|> 2\n",
		"no last break": "<unk> 0\n▁the 1\n<|zh|> 2",
		"other order":   "<|zh|> 2\n<unk> 0\n▁the 1\n",
		"tabs":          "<unk>\t0\n▁the\t1\n<|zh|>\t2\n",
		"CR LF":         "<unk> 0\r\n▁the 1\r\n<|zh|> 2\r\n",
	} {
		v, err := ReadTokens(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []string{"<unk>", "▁the", "<|zh|>"}; !slices.Equal(v.pieces, want) {
			t.Errorf("%s: pieces %q, want %q", name, v.pieces, want)
		}
	}
	v, err := ReadTokens(strings.NewReader("<unk> 0\na b 1\n  2\n"))
	if err != nil || v.Piece(1) != "a b" || v.Piece(2) != " " {
		t.Errorf("pieces with spaces: %v, %v", v, err)
	}
}

func TestReadTokensRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "tokens.txt: no pieces"},
		{"no id", "<unk> 0\nthe\n", `tokens.txt: line 2: want a piece, a space and its id, such as "<|zh|> 24884"`},
		{"blank line", "<unk> 0\n\n", `tokens.txt: line 2: want a piece, a space and its id, such as "<|zh|> 24884"`},
		{"word as id", "<unk> zero\n", `tokens.txt: line 1: id "zero" is not a number from 0`},
		{"negative", "<unk> -1\n", `tokens.txt: line 1: id "-1" is not a number from 0`},
		{"huge id", "<unk> 99999999999999999999\n", `tokens.txt: line 1: id "99999999999999999999" is not a number from 0`},
		{"gap", "<unk> 0\nthe 2\n", "tokens.txt: line 2: id 2 in a file of 2 pieces: ids are 0 to 1, each once"},
		{"id twice", "<unk> 0\nthe 1\na 1\n", "tokens.txt: line 3: id 1 was given on line 2"},
		{"piece twice", "<unk> 0\nthe 1\nthe 2\n", `tokens.txt: line 3: "the" is already piece 1`},
		{"no piece", "<unk> 0\n 1\n", "tokens.txt: line 2: empty text"},
		{"not UTF-8", "<unk> 0\n\xff 1\n", `tokens.txt: line 2: "\xff" is not UTF-8`},
		{"long", "<unk> 0\n" + strings.Repeat("a", 600) + " 1\n", "tokens.txt: line 2: 600 bytes of text, more than 512"},
		{"many", strings.Repeat("a 0\n", maxPieces+1), "tokens.txt: line 1048577: more than 1048576 pieces"},
		{"large", strings.Repeat("a", maxFileBytes+1), "tokens.txt: more than 33554432 bytes"},
	} {
		_, err := ReadTokens(strings.NewReader(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
		if _, ok := errors.AsType[*FormatError](err); !ok {
			t.Errorf("%s: %T is no *FormatError", test.name, err)
		}
	}
	broken := errors.New("broken disk")
	if _, err := ReadTokens(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReadSentencePiece(t *testing.T) {
	v, err := ReadSentencePiece(encode(pieces...))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v.pieces, pieces) {
		t.Errorf("pieces %q, want %q", v.pieces, pieces)
	}
}

func TestReadSentencePieceRefuses(t *testing.T) {
	model := encode("<unk>", "▁the")
	for _, test := range []struct {
		name string
		data []byte
		want string // the error begins with it
	}{
		{"empty", nil, "SentencePiece model: no pieces"},
		{"only settings", encode(), "SentencePiece model: no pieces"},
		{"truncated", model[:len(model)-1], "SentencePiece model: byte 33: unexpected EOF"},
		{"not protobuf", []byte("<unk> 0\n"), "SentencePiece model: "},
		{"huge length", []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 'a'}, "SentencePiece model: unexpected EOF"},
		{"piece of zeros", []byte{0x0a, 2, 0, 0}, "SentencePiece model: piece 0: invalid field number"},
		{"piece without text", []byte{0x0a, 0}, "SentencePiece model: piece 0: empty text"},
		{"piece twice", encode("<unk>", "a", "a"), `SentencePiece model: byte 28: piece 2: "a" is already piece 1`},
		{"long", encode(strings.Repeat("a", 600)), "SentencePiece model: piece 0: 600 bytes of text, more than 512"},
		{"many", bytes.Repeat([]byte{0x0a, 0}, maxPieces+1), "SentencePiece model: piece 0: empty text"},
	} {
		_, err := ReadSentencePiece(test.data)
		if err == nil || !strings.HasPrefix(normalSpaces(err.Error()), test.want) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
		if _, ok := errors.AsType[*FormatError](err); !ok {
			t.Errorf("%s: %T is no *FormatError", test.name, err)
		}
	}
}

// normalSpaces undoes protobuf's habit of writing "proto:" and a randomly chosen kind of space.
func normalSpaces(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\u00a0", " "), "proto: ", "")
}

func TestReleasedVocabulary(t *testing.T) {
	file, err := os.Open(golden.Reference(t, "tokens.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	v, err := ReadTokens(file)
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 25055 || v.Kind(Blank) != KindControl {
		t.Errorf("%d pieces, blank of kind %d", v.Len(), v.Kind(Blank))
	}
	for name, kind := range tagKinds {
		if id, ok := v.Find("<|" + name + "|>"); !ok || v.Kind(id) != kind || v.Tag(id) != name {
			t.Errorf("tag %s: found %v, kind %d, name %q", name, ok, v.Kind(id), v.Tag(id))
		}
	}
	again, err := ReadSentencePiece(encode(v.pieces...))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.pieces, v.pieces) || !slices.Equal(again.kinds, v.kinds) {
		t.Error("the same pieces from a SentencePiece model make another vocabulary")
	}
}
