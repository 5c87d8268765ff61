package token

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on a vocabulary. The released one has 25,055 pieces, the longest of 24 bytes.
const (
	maxPieces     = 1 << 20
	maxPieceBytes = 512
)

// space is how SentencePiece writes a space: U+2581, a lower one eighth block.
const space = "▁"

// Vocabulary is a model's list of pieces. Its ids are 0 to Len()-1. It does not change once built,
// so any number of goroutines may use it.
type Vocabulary struct {
	pieces []string
	kinds  []Kind
	ids    map[string]int32
}

// New builds a vocabulary whose ids are the places in pieces. Pieces must be non-empty UTF-8 of at
// most 512 bytes, each there only once; else the error is a *FormatError that names the id.
func New(pieces []string) (*Vocabulary, error) {
	if err := checkCount(len(pieces)); err != nil {
		return nil, &FormatError{Format: "vocabulary", Err: err}
	}
	v := &Vocabulary{
		pieces: make([]string, 0, len(pieces)),
		kinds:  make([]Kind, 0, len(pieces)),
		ids:    make(map[string]int32, len(pieces)),
	}
	for id, piece := range pieces {
		if err := v.add(piece); err != nil {
			return nil, &FormatError{Format: "vocabulary", Err: fmt.Errorf("piece %d: %w", id, err)}
		}
	}
	return v, nil
}

func checkCount(n int) error {
	if n == 0 {
		return errors.New("no pieces")
	}
	if n > maxPieces {
		return fmt.Errorf("more than %d pieces", maxPieces)
	}
	return nil
}

// add gives the next free id to a piece.
func (v *Vocabulary) add(piece string) error {
	if err := checkPiece(piece); err != nil {
		return err
	}
	if first, ok := v.ids[piece]; ok {
		return fmt.Errorf("%q is already piece %d", piece, first)
	}
	id := int32(len(v.pieces))
	kind := KindOf(piece)
	if id == Blank {
		kind = KindControl
	}
	v.ids[piece] = id
	v.pieces = append(v.pieces, piece)
	v.kinds = append(v.kinds, kind)
	return nil
}

func checkPiece(piece string) error {
	switch {
	case piece == "":
		return errors.New("empty text")
	case len(piece) > maxPieceBytes:
		return fmt.Errorf("%d bytes of text, more than %d", len(piece), maxPieceBytes)
	case !utf8.ValidString(piece):
		return fmt.Errorf("%q is not UTF-8", piece)
	}
	return nil
}

// Len returns the number of pieces.
func (v *Vocabulary) Len() int { return len(v.pieces) }

// Piece returns the piece as the vocabulary writes it ("▁the"), or "" for an id outside of it.
func (v *Vocabulary) Piece(id int32) string {
	if !v.has(id) {
		return ""
	}
	return v.pieces[id]
}

// Kind tells what the piece stands for. An id outside of the vocabulary is KindControl: it has no text.
func (v *Vocabulary) Kind(id int32) Kind {
	if !v.has(id) {
		return KindControl
	}
	return v.kinds[id]
}

// Find returns the id of a piece, written as in the vocabulary: "▁the", "<|zh|>".
func (v *Vocabulary) Find(piece string) (id int32, ok bool) {
	id, ok = v.ids[piece]
	return id, ok
}

// Tag returns the name of a tag without its wrapper: "zh" for <|zh|>, "" for what is no tag.
func (v *Vocabulary) Tag(id int32) string {
	if v.Kind(id) == KindControl {
		return ""
	}
	name, rest, _ := CutTag(v.pieces[id])
	if rest != "" {
		return ""
	}
	return name
}

func (v *Vocabulary) has(id int32) bool { return id >= 0 && int(id) < len(v.pieces) }

// Text writes ids as SentencePiece decodes them: pieces joined, "▁" a space, control pieces left
// out, tags as they are. The space in front of the whole text goes, which with tags in front means
// none: <|en|> and ▁The give "<|en|> The".
func (v *Vocabulary) Text(ids []int32) string {
	return strings.TrimLeft(strings.Join(v.Texts(ids), ""), " ")
}

// Texts returns the text of every id, in the same order, such that joined they are the text of the
// sequence. A "▁" is a space. Pieces for single bytes, <0xE4>, are put together: the character belongs
// to the id of its first byte and the others have no text; a byte that is not UTF-8 becomes U+FFFD.
func (v *Vocabulary) Texts(ids []int32) []string {
	texts := make([]string, len(ids))
	for i := 0; i < len(ids); {
		run := v.byteRun(ids[i:])
		if len(run) > 0 {
			spreadBytes(texts[i:], run)
			i += len(run)
			continue
		}
		if v.Kind(ids[i]) != KindControl {
			texts[i] = strings.ReplaceAll(v.pieces[ids[i]], space, " ")
		}
		i++
	}
	return texts
}

// byteRun returns the bytes that the leading byte pieces of ids stand for.
func (v *Vocabulary) byteRun(ids []int32) []byte {
	var run []byte
	for _, id := range ids {
		b, ok := byteOf(v.Piece(id))
		if !ok || v.Kind(id) != KindText {
			break
		}
		run = append(run, b)
	}
	return run
}

// spreadBytes writes each character of run to the text at the place of its first byte.
func spreadBytes(texts []string, run []byte) {
	for at := 0; at < len(run); {
		r, size := utf8.DecodeRune(run[at:])
		texts[at] = string(r)
		at += size
	}
}

// byteOf reads a byte piece: <0x00> to <0xFF>.
func byteOf(piece string) (b byte, ok bool) {
	if len(piece) != len("<0xFF>") || !strings.HasPrefix(piece, "<0x") || piece[5] != '>' {
		return 0, false
	}
	value, err := strconv.ParseUint(piece[3:5], 16, 8)
	return byte(value), err == nil
}
