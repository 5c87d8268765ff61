package sensevoice

import (
	"fmt"
	"math"

	"sensevoice/internal/engine"
)

// Plan is what a batch needs, known before it runs: each buffer's place in the arena, and the whole in bytes.
type Plan struct {
	Batch   engine.Batch
	Buffers []PlannedBuffer // for people and tests; a buffer may share its place with one that lives at another time
	Arena   int64           // bytes of device memory: the end of the last buffer
	Host    int64           // bytes of host memory: input rows, positions and results

	input, x, normed, qkv, context, hidden engine.Buffer
	attention, argMax                      engine.Buffer
}

// PlannedBuffer is one buffer of a plan.
type PlannedBuffer struct {
	Name   string
	Offset int64
	Bytes  int64
}

// MaxRows is the most feature rows that one segment may have: 24 hours. More is surely a mistake.
const MaxRows = 24 * 3600 * 1000 / 60

// align is what buffers begin at a multiple of, in bytes: a page, so that no two share a cache line.
const align = 4096

// Plan prices a batch of segments with these numbers of feature rows, query rows not counted. Each segment has at least one
// row and at most [MaxRows].
func (n *Network) Plan(rows []int) (*Plan, error) {
	p := &Plan{Batch: engine.Batch{Starts: make([]int, 1, len(rows)+1)}}
	total, longest := 0, 0
	for i, r := range rows {
		if r < 1 || r > MaxRows {
			return nil, fmt.Errorf("segment %d has %d feature rows: must be from 1 to %d", i, r, MaxRows)
		}
		if total > math.MaxInt32-r-QueryRows {
			return nil, fmt.Errorf("batch of %d segments is too large", len(rows))
		}
		total += r + QueryRows
		longest = max(longest, r+QueryRows)
		p.Batch.Starts = append(p.Batch.Starts, total)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("batch without segments")
	}
	n.place(p, total)
	p.Host = 4*int64(n.Config.Input)*int64(total+longest) + 8*int64(total)
	return p, nil
}

// Move places the batch's buffers from that byte of the arena on, so that another batch may keep its own before it: the
// [Plan.Arena] of that other batch's plan is a good offset. Arena then still says where the last buffer ends.
func (p *Plan) Move(offset int64) {
	for _, b := range []*engine.Buffer{&p.input, &p.x, &p.normed, &p.qkv, &p.context, &p.hidden, &p.attention, &p.argMax} {
		b.Offset += offset
	}
	for i := range p.Buffers {
		p.Buffers[i].Offset += offset
	}
	p.Arena += offset
}

// place lays out the arena. Three groups share one place, since each is dead before the next is written: the input; queries,
// keys and values with the context; the hidden rows of the feed-forward part with the scratch of the arg-max.
func (n *Network) place(p *Plan, rows int) {
	c := n.Config
	p.x = n.buffer(p, "x", 0, rows, c.Width)
	p.normed = n.buffer(p, "normed", p.Arena, rows, max(c.Input, c.Width))
	p.normed.Channels = c.Width
	p.attention = n.scratch(p, "attention", p.Arena, n.engine.AttentionBytes(p.Batch, c.Width, c.Heads))
	shared := p.Arena
	p.input = p.x // which the first block adds to if the widths are equal
	if c.Input != c.Width {
		p.input = n.buffer(p, "input", shared, rows, c.Input)
	}
	p.qkv = n.buffer(p, "qkv", shared, rows, 3*c.Width)
	p.context = n.buffer(p, "context", p.end(), rows, c.Width)
	p.hidden = n.buffer(p, "hidden", shared, rows, c.FeedForward)
	p.argMax = n.scratch(p, "arg-max", shared, n.engine.ArgMaxBytes(rows, c.Vocabulary))
}

func (n *Network) buffer(p *Plan, name string, offset int64, rows, channels int) engine.Buffer {
	b := n.scratch(p, name, offset, n.engine.BufferBytes(rows, channels))
	b.Rows, b.Channels = rows, channels
	return b
}

func (n *Network) scratch(p *Plan, name string, offset, bytes int64) engine.Buffer {
	p.Buffers = append(p.Buffers, PlannedBuffer{name, offset, bytes})
	p.Arena = max(p.Arena, p.end())
	return engine.Buffer{Offset: offset}
}

// end is where the buffer placed last ends.
func (p *Plan) end() int64 {
	last := p.Buffers[len(p.Buffers)-1]
	return (last.Offset + last.Bytes + align - 1) / align * align
}
