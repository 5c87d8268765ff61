package limit

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Listener closes connections beyond a number at once, rather than letting them wait unseen. Plain ones are told why.
type Listener struct {
	net.Listener
	Max      int
	Plain    bool   // the connections are HTTP without TLS, so that one can be answered
	Rejected func() // called for each connection that is closed; may be nil

	open atomic.Int64
}

const full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 76\r\nRetry-After: 5\r\nConnection: close\r\n\r\n" +
	`{"detail":"the server has as many connections as it takes; try again later"}`

// Accept waits for a connection for which there is room.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= int64(l.Max) {
			return &conn{Conn: c, l: l}, nil
		}
		l.open.Add(-1)
		if l.Rejected != nil {
			l.Rejected()
		}
		if l.Plain {
			_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // the answer fits the socket's buffer; this is for one that is broken
			_, _ = c.Write([]byte(full))
		}
		_ = c.Close()
	}
}

// Open returns how many connections are open.
func (l *Listener) Open() int { return int(l.open.Load()) }

type conn struct {
	net.Conn
	l    *Listener
	once sync.Once
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	c.once.Do(func() { c.l.open.Add(-1) })
	return c.Conn.Close()
}
