package enginetest

import (
	"math"
	"math/rand/v2"

	"sensevoice/internal/engine"
)

func newAttention(r *rand.Rand, channels, heads, taps, left int) *engine.Attention {
	return &engine.Attention{Heads: heads, Taps: taps, Left: left, Memory: random(r, channels*taps)}
}

// attend runs an attention over rows of queries, keys and values and returns context and stream.
func (s *stage) attend(a *engine.Attention, qkv, before []float32, channels int, b engine.Batch) (context, x []float32) {
	s.Helper()
	s.clear()
	rows := b.Rows()
	src := s.loaded(qkv, 3*channels)
	dst, stream := s.buffer(rows, channels), s.buffer(rows, channels)
	if a.Add {
		s.Load(stream, before)
	}
	s.Attend(dst, stream, src, a, b, s.scratch(s.AttentionBytes(b, channels, a.Heads)))
	same(s.T, s.values(src), qkv, "source of an attention")
	return s.values(dst), s.values(stream)
}

func testAttend(s *stage) {
	r := newRand()
	for _, shape := range []struct{ channels, heads, taps, left int }{
		{1, 1, 1, 0},
		{6, 2, 3, 1},
		{15, 5, 4, 1},
		{48, 3, 11, 5},
		{64, 4, 11, 5},
		{20, 1, engine.MaxReach + 1, engine.MaxReach},
		{18, 2, engine.MaxReach + 1, 0},
		{64, 4, 2*engine.MaxReach + 1, engine.MaxReach},
	} {
		for _, b := range []engine.Batch{
			batchOf(1), batchOf(16), batchOf(17), batchOf(1, 1, 1), batchOf(15, 2, 15), batchOf(8, 100, 31), packed(),
		} {
			checkAttend(s, r, shape.channels, shape.heads, shape.taps, shape.left, b)
		}
	}
	for range attentionRepeats {
		checkAttend(s, r, 512, 4, 11, 5, batchOf(1+r.IntN(mostRows/4), 1+r.IntN(20)))
	}
	checkAttend(s, r, 32, 2, 11, 5, batchOf(mostRows))
}

func checkAttend(s *stage, r *rand.Rand, channels, heads, taps, left int, b engine.Batch) {
	s.Helper()
	a := newAttention(r, channels, heads, taps, left)
	a.Add = r.IntN(2) == 1
	qkv, before := random(r, b.Rows()*3*channels), random(r, b.Rows()*channels)
	for i := range qkv {
		qkv[i] *= 3 // makes weights differ
	}
	context, x := s.attend(a, qkv, before, channels, b)
	contextOf(a, qkv, channels, b).check(s.T, context, channels, "context of %d heads, %d channels, segments at %v", heads, channels, b.Starts)
	memoryOf(a, qkv, before, channels, b).check(s.T, x, channels, "memory of %d taps (%d left), %d channels, segments at %v, add %v", taps, left, channels, b.Starts, a.Add)
}

// contextOf is the attention's formula. A score's rounding changes its weight by as much, relatively, so scales
// grow with the largest sum of magnitudes behind a score.
func contextOf(a *engine.Attention, qkv []float32, channels int, b engine.Batch) *expect {
	e := newExpect(b.Rows() * channels)
	depth := channels / a.Heads
	at := func(row, kind, c int) float64 { return float64(qkv[row*3*channels+kind*channels+c]) }
	for i := range b.Segments() {
		from, to := b.Starts[i], b.Starts[i+1]
		for row := from; row < to; row++ {
			for head := range a.Heads {
				first := head * depth
				scores, terms, most := make([]float64, to-from), make([]float64, to-from), 1.0
				for key := from; key < to; key++ {
					sum := 0.0
					for c := first; c < first+depth; c++ {
						term := at(row, 0, c) * at(key, 1, c) / math.Sqrt(float64(depth))
						scores[key-from] += term
						sum += math.Abs(term)
					}
					most = max(most, sum)
				}
				softmax(scores)
				for c := first; c < first+depth; c++ {
					for key, weight := range scores {
						terms[key] = weight * at(from+key, 2, c)
					}
					e.add(terms...)
					e.scales[len(e.scales)-1] *= most
				}
			}
		}
	}
	return e
}

func softmax(scores []float64) {
	largest, total := math.Inf(-1), 0.0
	for _, v := range scores {
		largest = max(largest, v)
	}
	for i, v := range scores {
		scores[i] = math.Exp(v - largest)
		total += scores[i]
	}
	for i := range scores {
		scores[i] /= total
	}
}

// memoryOf is the formula of the FSMN memory.
func memoryOf(a *engine.Attention, qkv, before []float32, channels int, b engine.Batch) *expect {
	e := newExpect(b.Rows() * channels)
	value := func(row, c int) float64 { return float64(qkv[row*3*channels+2*channels+c]) }
	for i := range b.Segments() {
		from, to := b.Starts[i], b.Starts[i+1]
		for row := from; row < to; row++ {
			for c := range channels {
				terms := []float64{value(row, c)}
				if a.Add {
					terms = append(terms, float64(before[row*channels+c]))
				}
				for tap := range a.Taps {
					if t := row + tap - a.Left; t >= from && t < to {
						terms = append(terms, float64(a.Memory[c*a.Taps+tap])*value(t, c))
					}
				}
				e.add(terms...)
			}
		}
	}
	return e
}

// testAttendAlone: a segment's context and memory are the same bits in a batch and by itself.
func testAttendAlone(s *stage) {
	r := newRand()
	const channels, heads = 64, 4
	a := newAttention(r, channels, heads, 11, 5)
	a.Add = true
	for shift := range 4 { // moves all segments by a row
		b := batchOf(append([]int{1 + shift}, 2, 15, 16, 17, 31, 100, 8)...)
		qkv, before := random(r, b.Rows()*3*channels), random(r, b.Rows()*channels)
		context, x := s.attend(a, qkv, before, channels, b)
		for i, from := range b.Starts[:b.Segments()] {
			to := b.Starts[i+1]
			contextAlone, xAlone := s.attend(a, qkv[from*3*channels:to*3*channels], before[from*channels:to*channels], channels, batchOf(to-from))
			same(s.T, contextAlone, context[from*channels:to*channels], "context of segment %d, %d rows from %d", i, to-from, from)
			same(s.T, xAlone, x[from*channels:to*channels], "memory of segment %d, %d rows from %d", i, to-from, from)
		}
	}
}

// testAttendNotFinite: NaN in one segment shows in all its rows' context, and not in its neighbours.
func testAttendNotFinite(s *stage) {
	r := newRand()
	const channels, heads = 8, 2
	a, b := newAttention(r, channels, heads, 3, 1), batchOf(5, 9, 20, 3)
	qkv := random(r, b.Rows()*3*channels)
	cleanContext, cleanX := s.attend(a, qkv, nil, channels, b)
	for segment := range b.Segments() {
		from, to := b.Starts[segment]*channels, b.Starts[segment+1]*channels
		spoilt := append([]float32(nil), qkv...)
		for i := 3 * from; i < 3*to; i++ {
			spoilt[i] = nan
		}
		s.clear()
		src := s.loaded(spoilt, 3*channels)
		dst, stream := s.buffer(b.Rows(), channels), s.buffer(b.Rows(), channels)
		s.Attend(dst, stream, src, a, b, s.scratch(s.AttentionBytes(b, channels, heads)))
		context, x := s.values(dst), s.values(stream)
		for i := from; i < to; i++ {
			if !isNaN(context[i]) || !isNaN(x[i]) {
				s.Fatalf("segment %d is NaN, but not its results: %v, %v", segment, context[i], x[i])
			}
		}
		same(s.T, context[:from], cleanContext[:from], "context before segment %d of NaN", segment)
		same(s.T, context[to:], cleanContext[to:], "context after segment %d of NaN", segment)
		same(s.T, x[:from], cleanX[:from], "memory before segment %d of NaN", segment)
		same(s.T, x[to:], cleanX[to:], "memory after segment %d of NaN", segment)
	}
}
