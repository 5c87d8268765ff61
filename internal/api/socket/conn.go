package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"sensevoice/internal/api"
)

// Closing ends a connection with a status of RFC 6455 and a reason of at most 123 bytes.
type Closing struct {
	Code   websocket.StatusCode
	Reason string
}

func (c *Closing) Error() string { return fmt.Sprintf("closing with %d: %s", c.Code, c.Reason) }

var (
	// ErrQuiet is returned by [Conn.Next] when the client has said nothing for a while.
	ErrQuiet = errors.New("the client is quiet")
	// ErrDraining is returned by [Conn.Next] when the server shuts down and all that has arrived was taken.
	ErrDraining = errors.New("the server is shutting down")

	errGone = errors.New("the client has gone")
)

// Conn is one connection. Next is for the worker alone; the other methods may be called by any goroutine.
type Conn struct {
	backend *api.Backend
	options *Options
	ws      *websocket.Conn
	request *http.Request
	log     *slog.Logger
	inbox   *inbox
	patient *time.Timer // of Next
	taken   Message     // by the latest Next

	ctx  context.Context
	stop context.CancelCauseFunc // ends the work; a *Closing as the cause closes the connection with it

	heard  atomic.Int64 // when something last came from the client, in nanoseconds of Unix time
	spoken atomic.Int64 // when a message last came
	paused atomic.Bool  // the reader waits for the worker
}

func newConn(b *api.Backend, o *Options, ws *websocket.Conn, r *http.Request, protocol string) *Conn {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(r.Context()))
	c := &Conn{
		backend: b, options: o, ws: ws, request: r, ctx: ctx, stop: stop, inbox: newInbox(o.Buffer),
		log: b.Log.With("protocol", protocol, "id", api.RequestOf(ctx).ID),
	}
	now := time.Now().UnixNano()
	c.heard.Store(now)
	c.spoken.Store(now)
	return c
}

// run keeps the connection until it has ended, and waits for its goroutines.
func (c *Conn) run(p Protocol) {
	c.log.Debug("websocket opened", "path", c.request.URL.Path)
	began := time.Now()
	var work sync.WaitGroup
	work.Go(func() { c.close(c.talk(p)) })
	work.Go(c.keepAlive)
	err := c.read(p)
	c.stop(fmt.Errorf("%w: %w", errGone, err))
	work.Wait()
	for m, left := c.taken, true; left; m, left = c.inbox.take() {
		c.release(m)
	}
	_ = c.ws.CloseNow() // already closed, but for a client that answers no goodbye
	c.log.Debug("websocket closed", "seconds", time.Since(began).Seconds(), "reason", err)
}

// talk runs the protocol. A panic ends this connection only.
func (c *Conn) talk(p Protocol) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("panic on a websocket", "panic", r, "stack", string(debug.Stack()))
			err = &Closing{websocket.StatusInternalError, "internal error"}
		}
	}()
	return p.Talk(c.ctx, c)
}

// close says goodbye in the way that the work's end demands.
func (c *Conn) close(err error) {
	var closing *Closing
	switch cause := context.Cause(c.ctx); {
	case errors.Is(cause, errGone):
		return
	case errors.As(cause, &closing), errors.As(err, &closing):
	case err == nil:
		closing = &Closing{websocket.StatusNormalClosure, ""}
	case errors.Is(err, ErrDraining):
		closing = &Closing{websocket.StatusGoingAway, ErrDraining.Error()}
	default:
		c.log.Error("websocket failed", "error", err)
		closing = &Closing{websocket.StatusInternalError, "internal error"}
	}
	c.stop(closing) // a reader that waits for the worker must read again, for the client's answer
	if err := c.ws.Close(closing.Code, closing.Reason); err != nil {
		c.log.Debug("websocket not closed in peace", "error", err)
	}
}

// Next returns the next message of the client, and counts the memory of the one before it as free. If there is none for as long as
// patience, it returns [ErrQuiet]; a patience of 0 has no end.
func (c *Conn) Next(ctx context.Context, patience time.Duration) (Message, error) {
	c.release(c.taken)
	var err error
	c.taken, err = c.next(ctx, patience)
	return c.taken, err
}

func (c *Conn) next(ctx context.Context, patience time.Duration) (Message, error) {
	var quiet <-chan time.Time
	for {
		if m, ok := c.inbox.take(); ok {
			return m, nil
		}
		if patience > 0 && quiet == nil {
			quiet = c.timer(patience)
			defer c.patient.Stop()
		}
		select {
		case <-c.inbox.arrived:
		case <-quiet:
			return Message{}, ErrQuiet
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		case <-c.backend.Draining:
			if m, ok := c.inbox.take(); ok {
				return m, nil
			}
			return Message{}, ErrDraining
		}
	}
}

func (c *Conn) timer(d time.Duration) <-chan time.Time {
	if c.patient == nil {
		c.patient = time.NewTimer(d)
	} else {
		c.patient.Reset(d)
	}
	return c.patient.C
}

// Send writes a value as a text message of JSON, in which < and > stay as they are. It waits for a slow client up to the limit;
// the connection ends after that.
func (c *Conn) Send(value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.options.WriteTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, bytes.TrimSuffix(text.Bytes(), []byte("\n"))); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// Behind tells whether messages wait for the worker.
func (c *Conn) Behind() bool { return !c.inbox.empty() }

// Request returns the request that was upgraded.
func (c *Conn) Request() *http.Request { return c.request }

// Log returns a logger that names the connection.
func (c *Conn) Log() *slog.Logger { return c.log }

// CountSound counts a piece of sound, for the server's statistics.
func (c *Conn) CountSound() { c.backend.Sockets.Chunks.Add(1) }

// CountError counts an error that the client was told of.
func (c *Conn) CountError() { c.backend.Sockets.Errors.Add(1) }
