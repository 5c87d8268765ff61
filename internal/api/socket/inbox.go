package socket

import (
	"context"
	"sync"
	"time"
)

// Message is a text message, or a piece of a binary one.
type Message struct {
	Text        bool
	First, Last bool // of the pieces of a binary message
	Data        []byte
	At          time.Time // when it arrived

	charged int64 // bytes of the server's memory for uploads
}

// inbox holds messages between the reader, which alone puts, and the worker, which alone takes.
type inbox struct {
	limit   int           // bytes
	arrived chan struct{} // of size 1: there may be something to take
	room    chan struct{} // of size 1: there may be room again

	mu      sync.Mutex
	waiting []Message
	bytes   int
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, arrived: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds a message. When the limit is reached it waits until there is room, or ctx ends. One message always fits, however large.
func (b *inbox) put(ctx context.Context, m Message) error {
	for !b.tryPut(m) {
		select {
		case <-b.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	signal(b.arrived)
	return nil
}

func (b *inbox) tryPut(m Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes > 0 && b.bytes+len(m.Data) > b.limit {
		return false
	}
	b.waiting = append(b.waiting, m)
	b.bytes += len(m.Data)
	return true
}

// take removes the oldest message, if there is one.
func (b *inbox) take() (Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return Message{}, false
	}
	m := b.waiting[0]
	b.waiting[0] = Message{}
	if b.waiting = b.waiting[1:]; len(b.waiting) == 0 {
		b.waiting = nil // an idle connection keeps no memory
	}
	b.bytes -= len(m.Data)
	signal(b.room)
	return m, true
}

// empty tells whether nothing waits.
func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) == 0
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
