package sensevoice

import (
	"context"
	"errors"
	"fmt"
	"math"

	"sensevoice/internal/engine"
)

// Segment is one stretch of speech to recognise.
type Segment struct {
	Features []float32 // rows of Config.Input, normalised
	Language string    // a key of Config.Queries.Language
	ITN      bool      // ask for figures and punctuation
	Banned   []int32   // vocabulary entries that may not be answered
}

// Output is what the network says of each row of a batch, query rows first in each segment: the most likely vocabulary entry
// and its natural log-probability. Segment i has rows Starts[i] to Starts[i+1].
type Output struct {
	Starts   []int
	IDs      []int32
	LogProbs []float32
}

// ErrNotFinite says that the network computed NaN: the weights or the features are broken.
var ErrNotFinite = errors.New("the model computed numbers that are not finite: its weights or the audio's features are damaged")

// Runner runs batches on a network, one at a time. It keeps the space it needs from batch to batch, so that in the steady state
// nothing is allocated.
type Runner struct {
	// Between, if not nil, is called after each block, blocks of them in all: the place to let others have the engine for
	// a while. It may run another runner of the same network, with a plan that was moved out of this one's way and
	// for which the arena need not grow.
	Between func(done, blocks int)

	network   *Network
	input     []float32 // rows before the first block
	positions []float32 // sinusoids, as many rows as the longest segment so far
	bans      []engine.Ban
	output    Output
}

// NewRunner makes a runner. A network's engine can serve only one at a time.
func (n *Network) NewRunner() *Runner { return &Runner{network: n} }

// Run computes a batch that plan was made for. The output is valid until the next run. A cancelled context ends it
// between two blocks.
func (r *Runner) Run(ctx context.Context, plan *Plan, segments []Segment) (*Output, error) {
	if err := r.check(plan, segments); err != nil {
		return nil, err
	}
	if err := r.network.engine.Reserve(plan.Arena); err != nil {
		return nil, err
	}
	if err := r.embed(plan, segments); err != nil {
		return nil, err
	}
	if err := r.encode(ctx, plan); err != nil {
		return nil, err
	}
	rows := plan.Batch.Rows()
	if cap(r.output.IDs) < rows {
		r.output.IDs, r.output.LogProbs = make([]int32, rows), make([]float32, rows)
	}
	out := &r.output
	out.Starts, out.IDs, out.LogProbs = plan.Batch.Starts, out.IDs[:rows], out.LogProbs[:rows]
	n := r.network
	n.engine.ArgMax(out.IDs, out.LogProbs, plan.normed, &n.head, plan.Batch, r.bans, plan.argMax)
	for row, p := range out.LogProbs {
		if math.IsNaN(float64(p)) || math.IsInf(float64(p), 0) {
			return nil, fmt.Errorf("row %d: %w", row, ErrNotFinite)
		}
	}
	return out, nil
}

func (r *Runner) check(plan *Plan, segments []Segment) error {
	if len(segments) != plan.Batch.Segments() {
		return fmt.Errorf("%d segments for a plan of %d", len(segments), plan.Batch.Segments())
	}
	starts := plan.Batch.Starts
	for i, s := range segments {
		if want := (starts[i+1] - starts[i] - QueryRows) * r.network.Config.Input; len(s.Features) != want {
			return fmt.Errorf("segment %d has %d features, planned were %d", i, len(s.Features), want)
		}
		for _, id := range s.Banned {
			if id < 0 || int(id) >= r.network.Config.Vocabulary {
				return fmt.Errorf("segment %d: banned entry %d is not in the vocabulary", i, id)
			}
		}
	}
	return nil
}

// embed puts the query rows before each segment's features, scales all by √width and adds positions, which
// count from 1 in each segment.
func (r *Runner) embed(plan *Plan, segments []Segment) error {
	n, width := r.network, r.network.Config.Input
	r.input = grow(r.input, plan.Batch.Rows()*width)
	r.bans = r.bans[:0]
	for i, s := range segments {
		queries, err := n.queries(s)
		if err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
		from, to := plan.Batch.Starts[i], plan.Batch.Starts[i+1]
		r.extendPositions(to - from)
		rows := r.input[from*width : to*width]
		for q, row := range queries {
			copy(rows[q*width:][:width], n.embed[row*width:])
		}
		copy(rows[QueryRows*width:], s.Features)
		scale := float32(math.Sqrt(float64(n.Config.Width)))
		for j, position := range r.positions[:len(rows)] {
			rows[j] = rows[j]*scale + position
		}
		for _, id := range s.Banned {
			r.bans = append(r.bans, engine.Ban{Segment: i, ID: id})
		}
	}
	n.engine.Load(plan.input, r.input)
	return nil
}

// queries returns the rows of embed.weight that ask for language, event, emotion and text norm.
func (n *Network) queries(s Segment) (rows [QueryRows]int, err error) {
	q := n.Config.Queries
	language, ok := q.Language[s.Language]
	if !ok {
		return rows, fmt.Errorf("this model has no language %q", s.Language)
	}
	norm := "woitn"
	if s.ITN {
		norm = "withitn"
	}
	return [QueryRows]int{language, q.Event, q.Emotion, q.TextNorm[norm]}, nil
}

// encode runs all blocks; what the vocabulary is chosen from ends up in plan.normed.
func (r *Runner) encode(ctx context.Context, p *Plan) error {
	n, e := r.network, r.network.engine
	x, input := p.input, p.normed
	input.Channels = n.Config.Input
	for i := range n.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := &n.layers[i]
		e.LayerNorm(input, x, l.norm1)
		e.Linear(p.qkv, input, &l.qkv)
		x, input = p.x, p.normed
		e.Attend(p.context, x, p.qkv, &l.attention, p.Batch, p.attention)
		e.Linear(x, p.context, &l.out)
		e.LayerNorm(p.normed, x, l.norm2)
		e.Linear(p.hidden, p.normed, &l.w1)
		e.Linear(x, p.hidden, &l.w2)
		if i == n.Config.Blocks-1 {
			e.LayerNorm(x, x, n.after)
		}
		if r.Between != nil {
			r.Between(i+1, len(n.layers))
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.LayerNorm(p.normed, x, n.tpNorm)
	return nil
}

// wavelengths returns what positions are multiplied by in each pair of sine and cosine columns, rounded to float32
// at each step as the original does.
func wavelengths(width int) []float32 {
	half := width / 2
	step := float32(-math.Log(10000) / (float64(width)/2 - 1))
	base := make([]float32, half)
	for i := range base {
		base[i] = float32(math.Exp(float64(float32(i) * step)))
	}
	return base
}

// extendPositions makes the sinusoids for that many rows: sines in the first half of the columns, cosines in the second.
func (r *Runner) extendPositions(rows int) {
	width, base := r.network.Config.Input, r.network.posBase
	have := len(r.positions) / width
	if have >= rows {
		return
	}
	table := make([]float32, rows*width)
	copy(table, r.positions)
	for row := have; row < rows; row++ {
		for i, b := range base {
			sin, cos := math.Sincos(float64(float32(row+1) * b))
			table[row*width+i], table[row*width+len(base)+i] = float32(sin), float32(cos)
		}
	}
	r.positions = table
}

// grow returns a slice of that length, the old one if it is large enough. Contents are undefined.
func grow(s []float32, length int) []float32 {
	if cap(s) < length {
		return make([]float32, length)
	}
	return s[:length]
}
