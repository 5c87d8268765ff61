// Package socket keeps WebSocket connections: pings, backpressure, time limits and an orderly end. What the messages mean is up
// to a [Protocol].
//
// A connection has three goroutines. One reads, so that pings are answered and pongs seen while inference runs. One works: it
// takes messages one by one and answers them. One pings, and notices clients that have gone or fallen silent. The reader
// hands messages over through a buffer bounded in bytes; when that is full it stops reading, and TCP holds the client back.
package socket

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"

	"sensevoice/internal/api"
)

// Options are the limits of connections.
type Options struct {
	MaxText      int64         // bytes of a text message, at least 16 KiB
	MaxBinary    int64         // bytes of a binary message, which is handed over in pieces
	Buffer       int           // bytes of a connection that may wait for its worker
	PingInterval time.Duration // between pings of ours
	PongTimeout  time.Duration // for the answer to one
	IdleTimeout  time.Duration // without a message of the client; 0: no limit
	WriteTimeout time.Duration // for a client that does not read
	QuietTimeout time.Duration // without sound while somebody is speaking, after which a segment ends without a sign; 0: no limit
	Origins      []string      // whose pages may connect besides those of this host, such as https://app.example.com; "*": anybody's
}

// DefaultOptions returns the limits that a server has.
func DefaultOptions() Options {
	return Options{
		MaxText:      8 << 20,
		MaxBinary:    256 << 20,
		Buffer:       512 << 10, // 16 s of 16-bit samples
		PingInterval: 20 * time.Second,
		PongTimeout:  30 * time.Second,
		IdleTimeout:  10 * time.Minute,
		WriteTimeout: 30 * time.Second,
		QuietTimeout: 4 * time.Second, // networks stall for a second or two, and a segment that is cut costs a word
	}
}

// Protocol is what connections speak.
type Protocol struct {
	Name         string   // in logs
	Subprotocols []string // that the server agrees to when the client offers them

	// Talk works through the messages of one connection. What it returns says how the connection is closed: nil is a normal end,
	// *Closing gives status and reason, [ErrDraining] is the server's going away. Its context ends with the connection.
	Talk func(ctx context.Context, c *Conn) error

	// Urgent sees each text message when it is read, before those that wait. If it returns true it has answered the message,
	// which Talk then does not get. Nil: there is nothing urgent.
	Urgent func(c *Conn, text []byte) bool
}

// Handler upgrades requests to connections that speak p, and returns when they have ended. Its error is that there was no room
// for one more.
func Handler(b *api.Backend, o Options, p Protocol) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		leave, err := b.Sockets.Join()
		if err != nil {
			return err
		}
		defer leave()
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:       p.Subprotocols,
			InsecureSkipVerify: slices.Contains(o.Origins, "*"),
			OriginPatterns:     o.Origins,
			CompressionMode:    websocket.CompressionDisabled, // sound does not shrink, and windows cost memory for each connection
		})
		if err != nil {
			b.Log.Debug("websocket refused", "protocol", p.Name, "remote", r.RemoteAddr, "error", err)
			return nil // Accept has answered
		}
		ws.SetReadLimit(max(o.MaxText, o.MaxBinary))
		newConn(b, &o, ws, r, p.Name).run(p)
		return nil
	}
}
