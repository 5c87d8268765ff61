package speech

import (
	"sync"
	"time"
)

// Pacer keeps partial results from getting in the way of final ones: of all streams that share it, one at a time may make a partial
// result, and all of them together for some two fifths of the time.
type Pacer struct {
	mu   sync.Mutex
	busy bool
	free time.Time // from when the next may start
}

// restShare is how long to rest after a partial result, as a multiple of what it took.
const restShare = 1.5

// start claims the right to make a partial result.
func (p *Pacer) start(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy || now.Before(p.free) {
		return false
	}
	p.busy = true
	return true
}

// done gives it back.
func (p *Pacer) done(started, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
	p.free = now.Add(time.Duration(restShare * float64(now.Sub(started))))
}
