// Package segment decides in which pieces a stream of sound reaches the recogniser.
//
// Where speech begins and ends is known from elsewhere, from voice detection or because all of the sound counts. Here
// neighbouring stretches are joined while they are short, and one that grows too long is cut: at the quietest point near the
// limit, with sound from beyond the cut on both sides, so that a word which the cut runs through is whole in one of the pieces.
//
// Positions are samples from the beginning of the stream.
package segment

import "slices"

// Piece is a stretch of sound for the recogniser.
type Piece struct {
	Start, End int64 // what the piece stands for
	From, To   int64 // what is to be recognised: the same, and the overlap where the piece was cut

	CutBefore, CutAfter bool // whether its start and its end are cuts through speech
}

// Options are the lengths that decide, in samples. Max is more than Search and twice Overlap, or cuts would lead nowhere; Overlap is at
// least 100 ms.
type Options struct {
	Max     int64 // the most that is recognised at once, overlap included
	Overlap int64 // that is recognised beyond a cut
	Search  int64 // how far before the latest possible point a cut may lie
	Merge   int64 // the most that joined stretches last; 0: none are joined
	Gap     int64 // the longest pause between joined stretches
}

// Cutter makes pieces of one stream. It keeps the sound that pieces to come may need: no more than Max and what was written at once.
type Cutter struct {
	options Options

	sound []float32 // from base on
	base  int64

	open    bool  // whether speech goes on
	current Piece // since when, if so
	waiting bool  // whether the latest piece may still be joined with the next
	latest  Piece // it
	ready   []Piece
}

// NewCutter makes a cutter for a stream.
func NewCutter(o Options) *Cutter { return &Cutter{options: o} }

// Write takes the next samples.
func (c *Cutter) Write(samples []float32) { c.sound = append(c.sound, samples...) }

// Written returns the number of samples so far.
func (c *Cutter) Written() int64 { return c.base + int64(len(c.sound)) }

// Start says that speech begins.
func (c *Cutter) Start(at int64) {
	if c.waiting && at-c.latest.End > c.options.Gap {
		c.release()
	}
	c.open, c.current = true, Piece{Start: at, From: at}
}

// End says that speech ends.
func (c *Cutter) End(at int64) {
	c.cut(at)
	c.current.End, c.current.To = at, at
	c.open = false
	if c.waiting && at-c.latest.From <= c.options.Merge {
		c.latest.End, c.latest.To = at, at
		return
	}
	c.release()
	c.waiting, c.latest = true, c.current
	if c.options.Merge == 0 {
		c.release()
	}
}

// Advance cuts speech that has grown too long, and forgets what is no longer needed. No speech will begin before earliest.
func (c *Cutter) Advance(earliest int64) {
	switch {
	case c.open:
		c.cut(c.Written())
	case c.waiting && earliest-c.latest.End > c.options.Gap:
		c.release()
	}
	c.forget(earliest)
}

// Flush says that the stream has ended.
func (c *Cutter) Flush() {
	if c.open {
		c.End(c.Written())
	}
	c.release()
}

// Next returns the next piece that is complete, and its sound in a slice of its own.
func (c *Cutter) Next() (p Piece, sound []float32, ok bool) {
	if len(c.ready) == 0 {
		return Piece{}, nil, false
	}
	p = c.ready[0]
	c.ready = slices.Delete(c.ready, 0, 1)
	return p, slices.Clone(c.view(p.From, p.To)), true
}

// Open returns the piece that is growing, up to the latest sample, and its sound, valid until the next Write.
func (c *Cutter) Open() (p Piece, sound []float32, ok bool) {
	if !c.open {
		return Piece{}, nil, false
	}
	p = c.current
	p.End, p.To = c.Written(), c.Written()
	return p, c.view(p.From, p.To), true
}

// release makes the waiting piece ready.
func (c *Cutter) release() {
	if c.waiting {
		c.ready = append(c.ready, c.latest)
		c.waiting = false
	}
}

// cut takes pieces off the current one as long as it, ending at end, is too long.
func (c *Cutter) cut(end int64) {
	for end-c.current.From > c.options.Max {
		c.release()
		last := c.current.From + c.options.Max - c.options.Overlap
		first := last - c.options.Search
		at := first + quietest(c.view(first-window/2, last+window/2))
		p := c.current
		p.End, p.To, p.CutAfter = at, at+c.options.Overlap, true
		c.ready = append(c.ready, p)
		c.current = Piece{Start: at, From: at - c.options.Overlap, CutBefore: true}
	}
}

// forget drops sound from before everything that may still be wanted.
func (c *Cutter) forget(earliest int64) {
	if c.open {
		earliest = min(earliest, c.current.From)
	}
	if c.waiting {
		earliest = min(earliest, c.latest.From)
	}
	for _, p := range c.ready {
		earliest = min(earliest, p.From)
	}
	if drop := min(earliest, c.Written()) - c.base; drop > 0 {
		c.sound = slices.Delete(c.sound, 0, int(drop))
		c.base += drop
	}
}

func (c *Cutter) view(from, to int64) []float32 { return c.sound[from-c.base : to-c.base] }
