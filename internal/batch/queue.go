package batch

import "container/heap"

// queue holds the clips that wait for an engine, in fair order. The level at the root has a flow for each key, and each
// key's level one for each of its requests. Time in a level is virtual, in seconds of sound: it advances by what was served,
// divided by the flows that shared it. A flow's next clip has a finish on that scale, and the least comes first.
type queue struct {
	root    level
	keys    map[string]*flow
	made    uint64  // flows
	seconds float64 // of sound, queued
}

// level is a set of flows that share service equally.
type level struct {
	parent *flow // nil at the root
	now    float64
	heap   flowHeap // flows with something queued
	active int      // flows with something queued or running
}

// flow is a key, which has a level of requests, or a request, which has clips.
type flow struct {
	name   string  // the key's, for both kinds
	level  *level  // that it is in; a request that has nothing is in none
	inner  *level  // of a key
	clips  []*clip // of a request
	start  float64 // virtual time at which the next clip starts, and at which it ends
	finish float64
	served float64 // seconds of sound, ever
	queued float64 // seconds of sound
	active int     // clips queued or running
	order  uint64  // the older comes first among equals
	place  int     // in the level's heap
}

func newQueue() queue { return queue{keys: map[string]*flow{}} }

func (q *queue) newFlow(name string) *flow {
	q.made++
	return &flow{name: name, order: q.made, place: -1}
}

// head returns the clip that is next, nil if there is none.
func (q *queue) head() *clip {
	if len(q.root.heap) == 0 {
		return nil
	}
	return q.root.heap[0].head()
}

func (f *flow) head() *clip {
	if f.inner != nil {
		return f.inner.heap[0].head()
	}
	return f.clips[0]
}

// push appends a clip to its request.
func (q *queue) push(c *clip) {
	f := c.flow
	if l := q.key(f.name).inner; f.active == 0 && f.level != l {
		f.level, f.start = l, 0 // the key was forgotten meanwhile
	}
	f.clips = append(f.clips, c)
	q.seconds += c.seconds
	for ; f != nil; f = f.level.parent {
		if f.active == 0 {
			f.start = max(f.start, f.level.now) // what others were served meanwhile is no credit
			f.level.active++
		}
		f.active++
		f.queued += c.seconds
		f.level.fix(f)
	}
}

// key finds or makes the flow of a key. Keys that have nothing, and no more than others, are forgotten: a new flow is no different.
func (q *queue) key(name string) *flow {
	if k := q.keys[name]; k != nil {
		return k
	}
	if len(q.keys) > 2*q.root.active+64 {
		for name, k := range q.keys {
			if k.active == 0 && k.start <= q.root.now {
				delete(q.keys, name)
			}
		}
	}
	k := q.newFlow(name)
	k.level, k.inner = &q.root, &level{parent: k}
	q.keys[name] = k
	return k
}

// take removes the head, which is about to run: its request and key are charged for it.
func (q *queue) take() *clip {
	c := q.head()
	f := c.flow
	f.clips[0] = nil
	f.clips = f.clips[1:]
	q.seconds -= c.seconds
	for i := 0; f != nil; f, i = f.level.parent, i+1 {
		c.finish[i] = f.start + c.seconds
		f.level.now = max(f.level.now, f.start)
		f.start += c.seconds
		f.served += c.seconds
		f.queued -= c.seconds
		f.level.fix(f)
	}
	return c
}

// remove takes out a clip that nobody waits for any more.
func (q *queue) remove(c *clip) {
	f := c.flow
	q.seconds -= c.seconds
	for i, other := range f.clips {
		if other == c {
			f.clips = append(f.clips[:i:i], f.clips[i+1:]...)
			break
		}
	}
	for ; f != nil; f = f.level.parent {
		f.queued -= c.seconds
		f.level.fix(f)
		f.leave()
	}
}

// done tells that a clip that was taken has been served.
func (q *queue) done(c *clip) {
	for f := c.flow; f != nil; f = f.level.parent {
		f.level.now += c.seconds / float64(f.level.active)
		f.leave()
	}
}

func (f *flow) leave() {
	if f.active--; f.active == 0 {
		f.level.active--
		f.queued = 0 // no rounding error remains
	}
}

// precedes tells whether the head, had it been there in time, would be done before a clip that was taken.
func (q *queue) precedes(head, taken *clip) bool {
	a, b := head.flow, taken.flow
	switch {
	case a == b:
		return false
	case a.level == b.level:
		return a.finish < taken.finish[0]
	}
	return a.level.parent.finish < taken.finish[1]
}

// ahead estimates how many seconds of what is queued are served before a new request's clip: of each other key, and each other
// request of its own key, no more than the clip itself has.
func (q *queue) ahead(key string, seconds float64) float64 {
	total := 0.0
	for _, k := range q.root.heap {
		if k.name != key {
			total += min(k.queued, seconds)
			continue
		}
		for _, f := range k.inner.heap {
			total += min(f.queued, seconds)
		}
	}
	return total
}

// empty tells whether a flow has nothing queued.
func (f *flow) empty() bool {
	if f.inner != nil {
		return len(f.inner.heap) == 0
	}
	return len(f.clips) == 0
}

// fix puts a flow where it belongs in the order, after its head or start has changed.
func (l *level) fix(f *flow) {
	switch {
	case !f.empty():
		f.finish = f.start + f.head().seconds
		if f.place < 0 {
			heap.Push(&l.heap, f)
		} else {
			heap.Fix(&l.heap, f.place)
		}
	case f.place >= 0:
		heap.Remove(&l.heap, f.place)
	}
}

// flowHeap implements [heap.Interface].
type flowHeap []*flow

func (h flowHeap) Len() int { return len(h) }

func (h flowHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.finish != b.finish:
		return a.finish < b.finish
	case a.served != b.served:
		return a.served < b.served
	}
	return a.order < b.order
}

func (h flowHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements [heap.Interface].
func (h *flowHeap) Push(x any) {
	f := x.(*flow)
	f.place = len(*h)
	*h = append(*h, f)
}

// Pop implements [heap.Interface].
func (h *flowHeap) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	f.place = -1
	return f
}
