// Package limit holds what keeps a server from being asked for more than it has: budgets of bytes, rates of requests,
// and a listener that counts its connections.
package limit

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Budget is an amount of bytes that is shared out. Who has to wait is served in the order of asking. Any number of
// goroutines may use it.
type Budget struct {
	size int64
	used atomic.Int64
	free *semaphore.Weighted
}

// NewBudget makes a budget of size bytes.
func NewBudget(size int64) *Budget {
	return &Budget{size: size, free: semaphore.NewWeighted(size)}
}

// TryAcquire takes n bytes if they are free now and nobody waits for them.
func (b *Budget) TryAcquire(n int64) bool {
	ok := b.free.TryAcquire(n)
	if ok {
		b.used.Add(n)
	}
	return ok
}

// Acquire takes n bytes, or waits for them until the context ends. More than the whole budget never comes: it waits for
// the context too, so callers compare with Size first.
func (b *Budget) Acquire(ctx context.Context, n int64) error {
	err := b.free.Acquire(ctx, n)
	if err == nil {
		b.used.Add(n)
	}
	return err
}

// Release gives back n bytes.
func (b *Budget) Release(n int64) {
	b.used.Add(-n)
	b.free.Release(n)
}

// Size returns how many bytes there are in all.
func (b *Budget) Size() int64 { return b.size }

// Used returns how many bytes are taken.
func (b *Budget) Used() int64 { return b.used.Load() }
