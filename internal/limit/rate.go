package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates limits how often each of many callers may ask: a bucket of tokens for each. Any number of goroutines may use it.
type Rates struct {
	mu      sync.Mutex
	every   rate.Limit // tokens a second; 0: no limit
	burst   int
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds the callers that are remembered. Beyond it those go whose bucket is full: forgetting them changes nothing.
const maxBuckets = 10000

// NewRates makes buckets of burst tokens that fill at perSecond; 0 is no limit.
func NewRates(perSecond float64, burst int) *Rates {
	r := &Rates{}
	r.Set(perSecond, burst)
	return r
}

// Set changes the limit. Every caller starts again with a full bucket if it differs from the one before.
func (r *Rates) Set(perSecond float64, burst int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buckets != nil && r.every == rate.Limit(perSecond) && r.burst == burst {
		return
	}
	r.every, r.burst, r.buckets = rate.Limit(perSecond), burst, map[string]*rate.Limiter{}
}

// Take takes a token of a caller's, or returns how long it is until there is one.
func (r *Rates) Take(caller string, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.every == 0 {
		return 0
	}
	bucket := r.buckets[caller]
	if bucket == nil {
		if len(r.buckets) >= maxBuckets {
			r.forget(now)
		}
		bucket = rate.NewLimiter(r.every, r.burst)
		r.buckets[caller] = bucket
	}
	reserved := bucket.ReserveN(now, 1)
	if wait = reserved.DelayFrom(now); wait > 0 {
		reserved.CancelAt(now)
	}
	return wait
}

// forget drops full buckets, and all of them if none is full: a crowd of callers must not take memory without end.
func (r *Rates) forget(now time.Time) {
	for caller, bucket := range r.buckets {
		if bucket.TokensAt(now) >= float64(r.burst) {
			delete(r.buckets, caller)
		}
	}
	if len(r.buckets) >= maxBuckets {
		clear(r.buckets)
	}
}
