package api

import (
	"log/slog"
	"sync"
	"time"
)

// refusals tells the log of requests that were told to come again: the first at once, and then how many, every now and then. A line for
// each would fill disks, and take time from those that are served, just when there is most to do.
type refusals struct {
	mu    sync.Mutex
	count int
	last  time.Time // when the log was told
}

const refusalsEvery = 10 * time.Second

func (r *refusals) note(log *slog.Logger, now time.Time, failure *Error) {
	r.mu.Lock()
	r.count++
	count, due := r.count, now.Sub(r.last) >= refusalsEvery
	if due {
		r.count, r.last = 0, now
	}
	r.mu.Unlock()
	if due {
		log.Warn("requests refused", "count", count, "latest", failure.Error())
	}
}
