package token

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// usable checks what every vocabulary promises, wherever it came from, and that errors say where.
func usable(t *testing.T, v *Vocabulary, err error) {
	if err != nil {
		if _, ok := errors.AsType[*FormatError](err); !ok || v != nil {
			t.Fatalf("vocabulary %v, error %T %v", v, err, err)
		}
		return
	}
	all := make([]int32, v.Len())
	for i := range all {
		all[i] = int32(i)
		if id, ok := v.Find(v.Piece(all[i])); !ok || id != all[i] {
			t.Fatalf("piece %d is found at %d", i, id)
		}
	}
	if text := v.Text(all); !utf8.ValidString(text) {
		t.Fatalf("text %q is not UTF-8", text)
	}
	end := 0
	for _, word := range Words(v.Texts(all)) {
		if word.Start < end || word.End <= word.Start || word.End > len(all) || strings.TrimSpace(word.Text) == "" {
			t.Fatalf("word %+v after one that ends at %d", word, end)
		}
		end = word.End
	}
}

func FuzzReadTokens(f *testing.F) {
	f.Add([]byte("<unk> 0\n▁the 1\n<|zh|> 2\n<0xE4> 3\n"))
	f.Add([]byte("a 1\r\nb 0"))
	f.Add([]byte("a\t0\n 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ReadTokens(bytes.NewReader(data))
		usable(t, v, err)
	})
}

func FuzzReadSentencePiece(f *testing.F) {
	f.Add(encode(pieces...))
	f.Add([]byte{0x0a, 2, 0x0a, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ReadSentencePiece(data)
		usable(t, v, err)
	})
}

func FuzzWords(f *testing.F) {
	v := build(f)
	f.Add([]byte{21, 22, 22, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		sequence := make([]int32, len(data))
		for i, b := range data {
			sequence[i] = int32(b)%int32(v.Len()+2) - 1
		}
		text := v.Text(sequence)
		for _, word := range Words(v.Texts(sequence)) {
			before, rest, ok := strings.Cut(text, word.Text)
			if !ok {
				t.Fatalf("word %q is not in %q after %q", word.Text, text, before)
			}
			text = rest
		}
	})
}
