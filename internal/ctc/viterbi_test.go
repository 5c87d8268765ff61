package ctc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sensevoice/internal/token"
)

// TestGreedyPathIsTheBestAlignment holds the claim of the package comment: forced alignment of the
// greedy tokens, by dynamic programming over all their alignments, gives the rows that Decode gives.
func TestGreedyPathIsTheBestAlignment(t *testing.T) {
	const seed = 20260824
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	repeated := 0 // tokens said twice with nothing but blanks between
	for range 3000 {
		pieces := 2 + random.IntN(4)
		logProbs := randomRows(random, QueryRows+random.IntN(14), pieces)
		ids, best := argMax(logProbs)

		var s Sequence
		if err := s.Decode(letters(t, pieces), ids, best); err != nil {
			t.Fatal(err)
		}
		path, score := align(logProbs, s.IDs)
		if want := sum(best); !(math.Abs(score-want) <= 1e-9*math.Abs(want)) {
			t.Fatalf("the best alignment scores %v, the greedy path %v\nrows %v", score, want, ids)
		}
		if want := spans(path); !slices.EqualFunc(s.Tokens, want, sameRows) {
			t.Fatalf("tokens %+v, aligned %+v\nrows %v", s.Tokens, want, ids)
		}
		for i := 1; i < len(s.IDs); i++ {
			if s.IDs[i] == s.IDs[i-1] {
				repeated++
			}
		}
	}
	if repeated < 100 {
		t.Errorf("only %d repeated tokens: the case that needs care was hardly tried", repeated)
	}
}

// letters is a vocabulary of a blank and pieces-1 letters.
func letters(t testing.TB, pieces int) *token.Vocabulary {
	t.Helper()
	names := []string{"<blank>"}
	for i := range pieces - 1 {
		names = append(names, fmt.Sprintf("%c", 'a'+i))
	}
	v, err := token.New(names)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// randomRows makes log-probabilities of rows, some of them sure and some of them not, and leans to
// the blank and to the row before as real ones do.
func randomRows(random *rand.Rand, rows, pieces int) [][]float32 {
	out := make([][]float32, rows)
	last := 0
	for row := range out {
		logits := make([]float64, pieces)
		sharpness := 3 * random.Float64()
		for i := range logits {
			logits[i] = sharpness * random.NormFloat64()
		}
		logits[0] += random.Float64()
		logits[last] += random.Float64()
		total := 0.0
		for _, x := range logits {
			total += math.Exp(x)
		}
		out[row] = make([]float32, pieces)
		for i, x := range logits {
			out[row][i] = float32(x - math.Log(total))
		}
		last = int(argMaxRow(out[row]))
	}
	return out
}

func argMaxRow(row []float32) int32 { return int32(slices.Index(row, slices.Max(row))) }

func argMax(rows [][]float32) (ids []int32, best []float32) {
	for _, row := range rows {
		id := argMaxRow(row)
		ids, best = append(ids, id), append(best, row[id])
	}
	return ids, best
}

func sum(values []float32) (total float64) {
	for _, x := range values {
		total += float64(x)
	}
	return total
}

// align is CTC forced alignment by Viterbi: the most probable path over rows, one id a row, that
// collapses to tokens, and the logarithm of its probability. States are the tokens with a blank
// before, between and after them; a path may skip the blank between two different tokens.
func align(logProbs [][]float32, tokens []int32) (path []int32, score float64) {
	states := []int32{token.Blank}
	for _, id := range tokens {
		states = append(states, id, token.Blank)
	}
	best := make([][]float64, len(logProbs)) // best[row][state]: of paths that are in state at row
	from := make([][]int, len(logProbs))
	for row := range best {
		best[row], from[row] = make([]float64, len(states)), make([]int, len(states))
		for state, id := range states {
			best[row][state] = math.Inf(-1)
			if row == 0 {
				if state < 2 {
					best[row][state] = float64(logProbs[row][id])
				}
				continue
			}
			for back := 0; back <= min(2, state); back++ {
				if back == 2 && (id == token.Blank || id == states[state-2]) {
					continue
				}
				if total := best[row-1][state-back] + float64(logProbs[row][id]); total > best[row][state] {
					best[row][state], from[row][state] = total, state-back
				}
			}
		}
	}
	last := len(logProbs) - 1
	state := len(states) - 1
	if state > 0 && best[last][state-1] > best[last][state] {
		state--
	}
	score = best[last][state]
	path = make([]int32, len(logProbs))
	for row := last; row >= 0; row-- {
		path[row] = states[state]
		state = from[row][state]
	}
	return path, score
}

// spans returns the tokens of a path, in rows of the speech.
func spans(path []int32) []Token {
	var tokens []Token
	for row, id := range path {
		if id == token.Blank {
			continue
		}
		if row == 0 || path[row-1] != id {
			tokens = append(tokens, Token{ID: id, Start: max(0, row-QueryRows)})
		}
		tokens[len(tokens)-1].End = max(0, row+1-QueryRows)
	}
	return tokens
}

func sameRows(a, b Token) bool { return a.ID == b.ID && a.Start == b.Start && a.End == b.End }
