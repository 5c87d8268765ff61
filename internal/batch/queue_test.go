package batch

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// lineUp pushes clips of so many seconds of a request.
func lineUp(q *queue, f *flow, lengths ...float64) {
	for _, s := range lengths {
		q.push(&clip{flow: f, seconds: s})
	}
}

// serve takes and serves a number of clips and names them by their requests' order.
func serve(q *queue, n int) string {
	var names []uint64
	for range n {
		c := q.take()
		names = append(names, c.flow.order)
		q.done(c)
	}
	return fmt.Sprint(names)
}

func TestNewcomerComesFirst(t *testing.T) {
	q := newQueue()
	file := q.newFlow("")
	lineUp(&q, file, 30, 30, 30, 30, 30)
	serve(&q, 2)
	clip := q.newFlow("")
	lineUp(&q, clip, 3)
	if got, want := serve(&q, 2), fmt.Sprint([]uint64{clip.order, file.order}); got != want {
		t.Errorf("served %s, want %s", got, want)
	}
}

// TestFileIsNotStarved keeps a short request of another caller waiting at all times: the file still gets about half.
func TestFileIsNotStarved(t *testing.T) {
	for _, keys := range [][2]string{{"", ""}, {"a", "b"}} {
		q := newQueue()
		file := q.newFlow(keys[0])
		lineUp(&q, file, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30)
		total := 0.0
		lineUp(&q, q.newFlow(keys[1]), 3)
		for total < 500 {
			c := q.take()
			total += c.seconds
			if c.flow != file {
				lineUp(&q, q.newFlow(keys[1]), 3)
			}
			q.done(c)
		}
		if file.served < 150 || file.served > 300 {
			t.Errorf("keys %q: the file got %v of %v s", keys, file.served, total)
		}
	}
}

// TestKeysShareEqually gives one key many requests and another only one.
func TestKeysShareEqually(t *testing.T) {
	q := newQueue()
	many := make([]*flow, 10)
	for i := range many {
		many[i] = q.newFlow("many")
		lineUp(&q, many[i], 5, 5, 5, 5, 5, 5, 5, 5)
	}
	one := q.newFlow("one")
	lineUp(&q, one, 5, 5, 5, 5, 5, 5, 5, 5)
	serve(&q, 16)
	if one.served != 40 {
		t.Errorf("one request of 11 got %v s of 80, but its key is one of two", one.served)
	}
	for _, f := range many {
		if f.served > 5 {
			t.Errorf("a request got %v s before others of its key got any", f.served)
		}
	}
}

// TestAbsenceIsNoCredit lets a request pause while another is served: it does not catch up afterwards.
func TestAbsenceIsNoCredit(t *testing.T) {
	q := newQueue()
	a, b := q.newFlow("a"), q.newFlow("b")
	lineUp(&q, a, 5)
	serve(&q, 1)
	lineUp(&q, b, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
	serve(&q, 8)
	lineUp(&q, a, 5, 5, 5)
	serve(&q, 4)
	if a.served > 15 || b.served < 45 {
		t.Errorf("after the pause: %v and %v s", a.served, b.served)
	}
}

func TestKeysAreForgotten(t *testing.T) {
	q := newQueue()
	for i := range 10_000 {
		lineUp(&q, q.newFlow(fmt.Sprint(i)), 1)
		serve(&q, 1)
	}
	if len(q.keys) > 100 {
		t.Errorf("%d keys are remembered", len(q.keys))
	}
}

// TestQueueKeepsItsBooks pushes, takes, serves and removes at random, and counts along.
func TestQueueKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue()
		var flows []*flow
		for i := range rapid.IntRange(1, 6).Draw(t, "flows") {
			flows = append(flows, q.newFlow(fmt.Sprint(i%3)))
		}
		waiting, taken := map[*clip]bool{}, []*clip{}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				c := &clip{flow: rapid.SampledFrom(flows).Draw(t, "flow"), seconds: float64(rapid.IntRange(1, 300).Draw(t, "s")) / 10}
				q.push(c)
				waiting[c] = true
			},
			"take": func(t *rapid.T) {
				if head := q.head(); head != nil {
					if c := q.take(); c != head || !waiting[c] {
						t.Fatal("took another clip than the head")
					}
					delete(waiting, head)
					taken = append(taken, head)
				}
			},
			"done": func(t *rapid.T) {
				if len(taken) > 0 {
					q.done(taken[0])
					taken = taken[1:]
				}
			},
			"remove": func(t *rapid.T) {
				for c := range waiting {
					q.remove(c)
					delete(waiting, c)
					break
				}
			},
			"": func(t *rapid.T) { checkBooks(t, &q, flows, waiting, taken) },
		})
	})
}

func checkBooks(t *rapid.T, q *queue, flows []*flow, waiting map[*clip]bool, taken []*clip) {
	seconds, active, clips := 0.0, map[*flow]int{}, 0
	for c := range waiting {
		seconds += c.seconds
		active[c.flow]++
	}
	for _, c := range taken {
		active[c.flow]++
	}
	keys := map[*flow]int{}
	for _, f := range flows {
		clips += len(f.clips)
		if f.active != active[f] {
			t.Fatalf("a request has %d active clips, want %d", f.active, active[f])
		}
		if f.active > 0 {
			keys[f.level.parent] += f.active
		}
	}
	for k, n := range keys {
		if k.active != n {
			t.Fatalf("a key has %d active clips, want %d", k.active, n)
		}
	}
	if difference := q.seconds - seconds; clips != len(waiting) || q.root.active != len(keys) || !(difference < 1e-6 && difference > -1e-6) {
		t.Fatalf("%d clips of %v s and %d keys, want %d, %v and %d", clips, q.seconds, q.root.active, len(waiting), seconds, len(keys))
	}
	for i, f := range q.root.heap {
		if f.place != i || f.empty() || f.finish < q.root.heap[0].finish {
			t.Fatalf("key %d is out of place", i)
		}
	}
}
