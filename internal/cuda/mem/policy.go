package mem

import "time"

// Limits are the bounds of an arena, in bytes.
type Limits struct {
	Cap      uint64 // of all that this process holds of the GPU
	Headroom uint64 // left free for others
	Overhead uint64 // the driver's part, measured: context and code. Counts against Cap
	Weights  uint64
	Floor    uint64 // workspace that is always there
	Work     uint64 // workspace of the largest batch that is worth while; 0: no bound but the cap

	Fixed     bool    // the workspace is one block of fixed size
	Threshold float64 // part of Cap above which a batch's memory goes back as soon as it ends; 0: not

	TrimAfter  time.Duration // idle time after which the elastic part goes back; 0: TrimAfter
	SleepAfter time.Duration // after which weights and floor go back too; 0: never
}

// The policy's times.
const (
	TrimAfter    = 10 * time.Second
	firstBackoff = time.Second // without growth after a refusal, doubled each time
	lastBackoff  = time.Minute
	hysteresis   = 5 * time.Second // without growth after neighbours have needed memory
	lowPolls     = 2               // looks at too little free memory in a row before memory goes back
	piece        = 16 << 20        // the least that the elastic part grows by where there is room: mapping costs by the piece
)

// policy decides how much may be taken and when to give back. It holds no memory; the arena tells it what happened.
type policy struct {
	Limits
	held    uint64 // by the arena: weights, floor, elastic part
	noGrow  time.Time
	backoff time.Duration // of the last refusal; 0: none since the last growth
	low     int           // looks in a row that saw too little free memory
	used    time.Time     // when the last batch ended
}

// room returns how many more bytes may be taken now, of a device with so many free.
func (p *policy) room(free uint64, now time.Time) uint64 {
	if now.Before(p.noGrow) {
		return 0
	}
	return min(below(p.Cap, p.Overhead+p.held), below(free, p.Headroom))
}

// below returns how far n is above what is taken from it, 0 if it is not.
func below(n, taken uint64) uint64 { return n - min(n, taken) }

// grew notes a growth that the driver allowed.
func (p *policy) grew() { p.backoff = 0 }

// refused notes that the driver had no memory to give.
func (p *policy) refused(now time.Time) {
	p.backoff = min(max(2*p.backoff, firstBackoff), lastBackoff)
	p.noGrow = now.Add(p.backoff)
}

// look notes how much is free and tells whether memory must go back to neighbours.
func (p *policy) look(free uint64, now time.Time) (giveBack bool) {
	if free >= p.Headroom {
		p.low = 0
		return false
	}
	if p.low++; p.low < lowPolls {
		return false
	}
	if until := now.Add(hysteresis); until.After(p.noGrow) {
		p.noGrow = until
	}
	return true
}

// crowded tells whether so much is held that memory goes back as soon as it is not needed.
func (p *policy) crowded() bool {
	return p.Threshold > 0 && float64(p.Overhead+p.held) > p.Threshold*float64(p.Cap)
}

// idle returns what is to be given back after doing nothing until now.
func (p *policy) idle(now time.Time) Level {
	trim, still := p.TrimAfter, now.Sub(p.used)
	if trim == 0 {
		trim = TrimAfter
	}
	switch {
	case p.SleepAfter > 0 && still >= p.SleepAfter:
		return Sleep
	case still >= trim:
		return Trim
	}
	return Keep
}

// Level is how much is given back.
type Level uint8

// The levels. What lies above Sleep, the driver's own part, goes with the process.
const (
	Keep  Level = iota
	Trim        // the elastic part
	Sleep       // weights and floor too: the next batch takes them again, if it can
)
