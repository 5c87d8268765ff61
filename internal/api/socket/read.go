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

func (c *Conn) readText(r io.Reader, p Protocol) error {
	limit := c.options.MaxText
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return err
	}
	if int64(len(text)) > limit {
		closing := &Closing{websocket.StatusMessageTooBig, fmt.Sprintf("a text message may have %d bytes", limit)}
		c.stop(closing)
		return closing
	}
	if p.Urgent != nil && p.Urgent(c, text) {
		return nil
	}
	c.hand(Message{Text: true, First: true, Last: true, Data: text, At: time.Now()})
	return nil
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
		return
	default:
	}
	if c.ctx.Err() != nil {
		return
	}
	c.paused.Store(true)
	_ = c.inbox.put(c.ctx, m) // fails only when the worker has ended
	c.paused.Store(false)
}
