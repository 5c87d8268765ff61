// Package ctc turns the best token of every row of the network's output into what the model said:
// the tags that its query rows answer, and the tokens of the speech with their places in time.
//
// Decoding is greedy, as in FunASR (funasr/models/sense_voice/model.py): take the most probable token
// of every row, make one of neighbouring repeats, drop the blanks; over the rows of one sequence
// only, never over the padding of a batch.
//
// FunASR then runs a forced aligner, Viterbi, to learn which rows a token covers. That is not needed:
// the greedy path is the most probable of all paths, so it is also the most probable of those that
// collapse to its own tokens, which is what Viterbi looks for. The rows of each repeat are the
// alignment; a test holds an aligner against it.
package ctc

import (
	"errors"
	"fmt"

	"sensevoice/internal/token"
)

// QueryRows is the number of rows in front of the speech. They answer, in this order, the language,
// the emotion, the event and whether numbers are written as such (text norm).
const QueryRows = 4

// A row is rowStep long. Row a is taken to begin rowLead before a*rowStep, as in FunASR.
const (
	rowStep = 60 // ms
	rowLead = 30 // ms
)

// ErrNotFinite is the error for a probability that is NaN or infinite: the network's arithmetic broke
// down, and none of its output is to be trusted.
var ErrNotFinite = errors.New("log-probability is not finite")

// Token is a piece of text that was said.
type Token struct {
	ID int32

	// The token covers rows Start to End-1 of the speech; query rows do not count. A text piece
	// answered by a query row covers no row of the speech: Start and End are 0.
	Start, End int

	// LogProb is the natural logarithm of the token's probability in the row where it is most
	// certain. A mean would sink with the rows in which a token only fades in and out.
	LogProb float32
}

// Times returns when the token is heard, in milliseconds from the start of the sequence's audio,
// which lasts audio milliseconds.
func (t Token) Times(audio int) (start, end int) {
	return clip(t.Start, audio), clip(t.End, audio)
}

func clip(row, audio int) int { return max(0, min(row*rowStep-rowLead, audio)) }

// Sequence is what the model said in one sequence of rows. A zero Sequence is ready for use, and
// using one again saves the allocation of its slices.
type Sequence struct {
	// IDs is all that was said, tags included, in order: Vocabulary.Text makes the raw text of it.
	IDs []int32

	// Tokens is the text alone. A tag among the speech is in IDs but not here.
	Tokens []Token

	// The tags that the query rows answered, or token.Blank for a question that none of them
	// answered. A tag is taken for what its text says it is, in whichever query row it stands; of two
	// of a kind the first counts.
	Language, Emotion, Event, TextNorm int32
}

// Decode replaces s by what the rows of one sequence say, query rows first: ids is the most probable
// token of each row and logProbs the natural logarithm of its probability. The error tells of
// output that no sound network gives: fewer rows than query rows, a token outside of the vocabulary, a
// probability that is not a number. s is then empty.
func (s *Sequence) Decode(v *token.Vocabulary, ids []int32, logProbs []float32) error {
	*s = Sequence{IDs: s.IDs[:0], Tokens: s.Tokens[:0]}
	if err := check(v, ids, logProbs); err != nil {
		return fmt.Errorf("ctc: %w", err)
	}
	for row := 0; row < len(ids); {
		end, best := row, logProbs[row]
		for ; end < len(ids) && ids[end] == ids[row]; end++ {
			best = max(best, logProbs[end])
		}
		if ids[row] != token.Blank {
			s.add(v, ids[row], row, end, best)
		}
		row = end
	}
	return nil
}

func check(v *token.Vocabulary, ids []int32, logProbs []float32) error {
	if len(ids) != len(logProbs) {
		return fmt.Errorf("%d tokens but %d probabilities", len(ids), len(logProbs))
	}
	if len(ids) < QueryRows {
		return fmt.Errorf("%d rows, fewer than the %d query rows", len(ids), QueryRows)
	}
	for row, id := range ids {
		if id < 0 || int(id) >= v.Len() {
			return fmt.Errorf("row %d: token %d of a vocabulary of %d: the model belongs to another vocabulary", row, id, v.Len())
		}
		if p := logProbs[row]; p-p != 0 { // NaN and infinities
			return fmt.Errorf("row %d: %w (%v)", row, ErrNotFinite, p)
		}
	}
	return nil
}

// add appends the token that rows start to end-1 say, counted with the query rows.
func (s *Sequence) add(v *token.Vocabulary, id int32, start, end int, logProb float32) {
	s.IDs = append(s.IDs, id)
	kind := v.Kind(id)
	if kind == token.KindText {
		s.Tokens = append(s.Tokens, Token{
			ID: id, Start: max(0, start-QueryRows), End: max(0, end-QueryRows), LogProb: logProb,
		})
		return
	}
	if tag := s.tag(kind); tag != nil && *tag == token.Blank && start < QueryRows {
		*tag = id
	}
}

// tag returns where a tag of that kind is kept, or nil.
func (s *Sequence) tag(kind token.Kind) *int32 {
	switch kind {
	case token.KindLanguage:
		return &s.Language
	case token.KindEmotion:
		return &s.Emotion
	case token.KindEvent:
		return &s.Event
	case token.KindTextNorm:
		return &s.TextNorm
	}
	return nil
}
