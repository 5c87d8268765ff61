package worker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pool is workers that share one queue.
type Pool struct {
	slots    []*slot
	fallback Runner // nil: none
	deadline func(items [][]byte) time.Duration
	work     chan *task

	stop    context.CancelFunc
	stopped context.Context
	running sync.WaitGroup

	mu      sync.Mutex
	ready   int
	changed chan struct{} // closed and made anew when ready changes
	counts  Counts
}

// Counts are what a pool has done since its start.
type Counts struct {
	Batches  int `json:"batches"`
	Retried  int `json:"retried"`  // tried again after a worker had died
	Fallback int `json:"fallback"` // computed on the CPU because no worker was up
	Poisoned int `json:"poisoned"` // items that ended workers
}

// PoolOptions say how batches are run.
type PoolOptions struct {
	Workers  []Options
	Fallback Runner                             // computes while no worker is up; nil: batches wait
	Deadline func(items [][]byte) time.Duration // that a batch may take; nil: a minute
}

// Start starts the workers. It returns at once; until one is up, the fallback computes.
func Start(o PoolOptions) *Pool {
	opens := make([]func(context.Context) (session, error), len(o.Workers))
	for i, w := range o.Workers {
		opens[i] = func(ctx context.Context) (session, error) { return open(ctx, w) }
	}
	return start(o, opens)
}

func start(o PoolOptions, opens []func(context.Context) (session, error)) *Pool {
	p := &Pool{fallback: o.Fallback, deadline: o.Deadline, work: make(chan *task), changed: make(chan struct{})}
	if p.deadline == nil {
		p.deadline = func([][]byte) time.Duration { return time.Minute }
	}
	p.stopped, p.stop = context.WithCancel(context.Background())
	for i, w := range o.Workers {
		s := &slot{options: w, open: opens[i], pool: p, status: Status{Name: w.Name, State: Starting, Since: time.Now()}}
		p.slots = append(p.slots, s)
		p.running.Go(func() { s.run(p.stopped) })
	}
	return p
}

// Close ends the workers: those that compute finish their batch first.
func (p *Pool) Close() {
	p.stop()
	p.running.Wait()
}

func (p *Pool) readiness(change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready += change
	close(p.changed)
	p.changed = make(chan struct{})
}

// WaitReady waits until a worker is up.
func (p *Pool) WaitReady(ctx context.Context) error {
	for {
		ready, changed := p.look()
		if ready > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ErrNoWorker, ctx.Err())
		case <-p.stopped.Done():
			return ErrClosed
		}
	}
}

func (p *Pool) look() (ready int, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready, p.changed
}

func (p *Pool) count(add func(*Counts)) {
	p.mu.Lock()
	add(&p.counts)
	p.mu.Unlock()
}

// Run computes a batch, and is a Runner. A PoisonError names an item that cannot be computed; its neighbours can, without it.
func (p *Pool) Run(ctx context.Context, items [][]byte) ([][]byte, error) {
	p.count(func(c *Counts) { c.Batches++ })
	results, err := p.attempt(ctx, items)
	if !died(err) {
		return results, err
	}
	p.count(func(c *Counts) { c.Retried++ })
	if results, err = p.attempt(ctx, items); !died(err) {
		return results, err
	}
	return p.quarantine(ctx, items, 0, err)
}

func died(err error) bool {
	var d *DiedError
	return errors.As(err, &d)
}

// quarantine takes a batch apart that has ended two workers, until the item is alone that does it.
func (p *Pool) quarantine(ctx context.Context, items [][]byte, first int, cause error) ([][]byte, error) {
	if len(items) == 1 {
		p.count(func(c *Counts) { c.Poisoned++ })
		return nil, &PoisonError{first, cause}
	}
	var all [][]byte
	half := len(items) / 2
	for _, part := range []struct {
		items [][]byte
		first int
	}{{items[:half], first}, {items[half:], first + half}} {
		results, err := p.attempt(ctx, part.items)
		if died(err) {
			results, err = p.quarantine(ctx, part.items, part.first, err)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// attempt runs a batch once, on whichever worker is free first, or on the fallback while none is up.
func (p *Pool) attempt(ctx context.Context, items [][]byte) ([][]byte, error) {
	t := &task{items: items, deadline: p.deadline(items), done: make(chan outcome, 1)}
	for {
		ready, changed := p.look()
		if ready == 0 && p.fallback != nil && p.stopped.Err() == nil {
			p.count(func(c *Counts) { c.Fallback++ })
			return p.fallback.Run(ctx, items)
		}
		select {
		case p.work <- t:
			select {
			case o := <-t.done:
				return o.results, o.err
			case <-ctx.Done(): // the worker computes to the end, for nobody
				return nil, ctx.Err()
			}
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.stopped.Done():
			return nil, ErrClosed
		}
	}
}

// Status returns what each worker is doing.
func (p *Pool) Status() []Status {
	list := make([]Status, len(p.slots))
	for i, s := range p.slots {
		s.mu.Lock()
		list[i] = s.status
		s.mu.Unlock()
	}
	return list
}

// Counts returns what the pool has done.
func (p *Pool) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// GiveBack asks all workers that are up for memory: 1 what they do not need, 2 all that they can do without until the next batch.
func (p *Pool) GiveBack(level int) error {
	var failed []error
	for _, s := range p.slots {
		if one := s.current(); one != nil {
			failed = append(failed, one.giveBack(level))
		}
	}
	return errors.Join(failed...)
}
