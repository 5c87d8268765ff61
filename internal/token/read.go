package token

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxFileBytes bounds a tokens.txt; the released one has 316 kB.
const maxFileBytes = 32 << 20

// FormatError says where a vocabulary is wrong and why.
type FormatError struct {
	Format string // "tokens.txt", "SentencePiece model" or "vocabulary"
	Line   int    // from 1; 0 where the format has no lines or the fault is the whole file's
	Offset int64  // in bytes from the start of the file; 0 where there is no file
	Err    error  // the reason
}

func (e *FormatError) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s: line %d: %v", e.Format, e.Line, e.Err)
	case e.Offset > 0:
		return fmt.Sprintf("%s: byte %d: %v", e.Format, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Format, e.Err)
}

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// entry is a line of a tokens.txt.
type entry struct {
	piece string
	id    int
	line  int
	at    int64
}

func (e entry) fail(err error) error {
	return &FormatError{Format: "tokens.txt", Line: e.line, Offset: e.at, Err: err}
}

// ReadTokens reads a tokens.txt: a line for every piece, "piece id", divided by the last space or tab
// of the line. The ids may come in any order but must be 0 to n-1, each once. What is wrong with the
// text is a *FormatError; what r reports comes back wrapped.
func ReadTokens(r io.Reader) (*Vocabulary, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read tokens.txt: %w", err)
	}
	if len(data) > maxFileBytes {
		return nil, &FormatError{Format: "tokens.txt", Err: fmt.Errorf("more than %d bytes", maxFileBytes)}
	}
	entries, err := parseLines(string(data))
	if err != nil {
		return nil, err
	}
	return fromEntries(entries)
}

func parseLines(text string) ([]entry, error) {
	var entries []entry
	at := int64(0)
	for line := range strings.Lines(text) {
		e := entry{line: len(entries) + 1, at: at}
		at += int64(len(line))
		if err := checkCount(e.line); err != nil {
			return nil, e.fail(err)
		}
		line = strings.TrimRight(line, "\r\n")
		cut := strings.LastIndexAny(line, " \t")
		if cut < 0 {
			return nil, e.fail(errors.New(`want a piece, a space and its id, such as "<|zh|> 24884"`))
		}
		id, err := strconv.Atoi(line[cut+1:])
		if err != nil || id < 0 {
			return nil, e.fail(fmt.Errorf("id %s is not a number from 0", quote(line[cut+1:])))
		}
		e.piece, e.id = line[:cut], id
		entries = append(entries, e)
	}
	return entries, nil
}

// fromEntries puts the pieces in the order of their ids.
func fromEntries(entries []entry) (*Vocabulary, error) {
	if err := checkCount(len(entries)); err != nil {
		return nil, &FormatError{Format: "tokens.txt", Err: err}
	}
	ordered := make([]entry, len(entries))
	for _, e := range entries {
		if e.id >= len(entries) {
			return nil, e.fail(fmt.Errorf("id %d in a file of %d pieces: ids are 0 to %d, each once", e.id, len(entries), len(entries)-1))
		}
		if other := ordered[e.id].line; other != 0 {
			return nil, e.fail(fmt.Errorf("id %d was given on line %d", e.id, other))
		}
		ordered[e.id] = e
	}
	v := &Vocabulary{ids: make(map[string]int32, len(ordered))}
	for _, e := range ordered {
		if err := v.add(e.piece); err != nil {
			return nil, e.fail(err)
		}
	}
	return v, nil
}

// Fields of sentencepiece_model.proto (github.com/google/sentencepiece).
const (
	modelPieces = 1 // ModelProto.pieces, repeated SentencePiece
	pieceText   = 1 // SentencePiece.piece
)

// ReadSentencePiece reads the pieces of a SentencePiece model, a *.bpe.model file. Only their texts
// matter for decoding: scores, the trainer's settings and the normaliser are skipped, and a piece's
// type too, since its text tells as much and the other sources of vocabularies have nothing else.
// What is wrong with the data is a *FormatError.
func ReadSentencePiece(data []byte) (*Vocabulary, error) {
	v := &Vocabulary{ids: map[string]int32{}}
	fail := func(at int, err error) error {
		return &FormatError{Format: "SentencePiece model", Offset: int64(at), Err: err}
	}
	for at := 0; at < len(data); {
		value, isPiece, n := nextField(data[at:], modelPieces)
		if n < 0 {
			return nil, fail(at, protowire.ParseError(n))
		}
		if isPiece {
			if err := v.addSentencePiece(value); err != nil {
				return nil, fail(at, err)
			}
		}
		at += n
	}
	if err := checkCount(v.Len()); err != nil {
		return nil, fail(0, err)
	}
	return v, nil
}

// addSentencePiece adds the piece of an encoded SentencePiece message. As ever in protobuf, the last
// value of a repeated singular field counts.
func (v *Vocabulary) addSentencePiece(message []byte) error {
	if err := checkCount(v.Len() + 1); err != nil {
		return err
	}
	var text []byte
	for len(message) > 0 {
		value, isText, n := nextField(message, pieceText)
		if n < 0 {
			return fmt.Errorf("piece %d: %w", v.Len(), protowire.ParseError(n))
		}
		if isText {
			text = value
		}
		message = message[n:]
	}
	if len(text) > maxPieceBytes {
		return fmt.Errorf("piece %d: %d bytes of text, more than %d", v.Len(), len(text), maxPieceBytes)
	}
	if err := v.add(string(text)); err != nil {
		return fmt.Errorf("piece %d: %w", v.Len(), err)
	}
	return nil
}

// nextField reads the field at the front of message: its value if it is the wanted field and holds
// bytes, and the size of the field, or a negative code for protowire.ParseError.
func nextField(message []byte, want protowire.Number) (value []byte, wanted bool, n int) {
	number, kind, header := protowire.ConsumeTag(message)
	if header < 0 {
		return nil, false, header
	}
	if number == want && kind == protowire.BytesType {
		value, size := protowire.ConsumeBytes(message[header:])
		if size < 0 {
			return nil, false, size
		}
		return value, true, header + size
	}
	size := protowire.ConsumeFieldValue(number, kind, message[header:])
	if size < 0 {
		return nil, false, size
	}
	return nil, false, header + size
}

// quote shows text from outside in an error without repeating all of it.
func quote(s string) string {
	const most = 32
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
