package socket

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// pieceBytes is the size of the pieces in which binary messages are handed over: 1 s of 16-bit samples.
const pieceBytes = 32000

var scratch = sync.Pool{New: func() any { return new([pieceBytes]byte) }}

// read takes messages from the network until the connection ends, and returns why it did.
//
// The library closes a connection whose reads are cancelled, so reads have no deadline: keepAlive ends those of dead clients.
func (c *Conn) read(p Protocol) error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		c.hear()
		c.backend.Sockets.Messages.Add(1)
		if kind == websocket.MessageText {
			err = c.readText(r, p)
		} else {
			err = c.readBinary(r)
		}
		if err != nil {
			return err
		}
		c.spoken.Store(time.Now().UnixNano())
	}
}

func (c *Conn) hear() { c.heard.Store(time.Now().UnixNano()) }

// smallText is the size of text messages that are not charged for.
const smallText = 16 << 10

// textCost is what a byte of a large text message takes while it is handled: itself, its JSON, and the sound in that.
const textCost = 3

// readText hands over a text message. For a large one it waits until there is memory.
func (c *Conn) readText(r io.Reader, p Protocol) error {
	text, err := io.ReadAll(io.LimitReader(r, smallText))
	if err != nil {
		return err
	}
	m := Message{Text: true, First: true, Last: true, Data: text}
	if len(text) == smallText {
		if err := c.readLargeText(r, &m); err != nil {
			return err
		}
	}
	if p.Urgent != nil && p.Urgent(c, m.Data) {
		c.release(m)
		return nil
	}
	m.At = time.Now()
	c.hand(m)
	return nil
}

func (c *Conn) readLargeText(r io.Reader, m *Message) error {
	limit := c.options.MaxText
	charge := min(textCost*limit, c.backend.Uploads.Size())
	c.paused.Store(true)
	err := c.backend.Uploads.Acquire(c.ctx, charge)
	c.paused.Store(false)
	if err != nil {
		return err // the connection has ended
	}
	rest, err := io.ReadAll(io.LimitReader(r, limit-smallText+1))
	m.Data = append(m.Data, rest...)
	m.charged = min(charge, textCost*int64(len(m.Data)))
	c.backend.Uploads.Release(charge - m.charged)
	if err == nil && int64(len(m.Data)) > limit {
		closing := &Closing{websocket.StatusMessageTooBig, fmt.Sprintf("a text message may have %d bytes", limit)}
		c.stop(closing)
		err = closing
	}
	if err != nil {
		c.release(*m)
	}
	return err
}

// release gives back what a message took.
func (c *Conn) release(m Message) {
	if m.charged > 0 {
		c.backend.Uploads.Release(m.charged)
	}
}

// readBinary hands over a binary message in pieces, as they come. The last may be empty.
func (c *Conn) readBinary(r io.Reader) error {
	buffer := scratch.Get().(*[pieceBytes]byte)
	defer scratch.Put(buffer)
	for first := true; ; first = false {
		n, err := io.ReadFull(r, buffer[:])
		c.hear()
		ended := err == io.EOF || err == io.ErrUnexpectedEOF // as they are: a broken connection wraps them
		if err != nil && !ended {
			return err
		}
		c.hand(Message{First: first, Last: ended, Data: append([]byte(nil), buffer[:n]...), At: time.Now()})
		if ended {
			return nil
		}
	}
}

// hand gives a message to the worker. While that takes no more, because it has ended or the server shuts down, messages are dropped:
// reading goes on for the sake of pings and of the client's goodbye.
func (c *Conn) hand(m Message) {
	select {
	case <-c.backend.Draining:
		c.release(m)
		return
	default:
	}
	c.paused.Store(true)
	defer c.paused.Store(false)
	if c.ctx.Err() != nil || c.inbox.put(c.ctx, m) != nil {
		c.release(m)
	}
}
