package api

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

const (
	bodyIdle  = 30 * time.Second // the longest pause within a body
	bodyGrace = 30 * time.Second // before the rate of a body counts
)

// guard puts a request's body behind its limits.
func (b *Backend) guard(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	limits := b.Limits()
	r.Body = &body{
		ReadCloser: r.Body, control: http.NewResponseController(w), start: time.Now(),
		max: limits.MaxBody, rate: limits.UploadRate, length: r.ContentLength,
	}
}

// body is a request's body that ends in an error when it grows too large or comes too slowly.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	start   time.Time
	length  int64 // as announced, -1 if it was not
	max     int64 // bytes
	rate    int64 // bytes a second
	read    int64
	window  int64 // what may be read before Read fails with errHeader, if positive
	ended   bool  // there is nothing more to read
}

var errHeader = errors.New("the header of a part is too large")

func (b *body) Read(p []byte) (int, error) {
	if b.length > b.max {
		return 0, tooLarge(b.max)
	}
	if b.window > 0 && int64(len(p)) > b.window {
		p = p[:b.window]
	}
	// A body that knows no deadlines belongs to a test.
	_ = b.control.SetReadDeadline(time.Now().Add(bodyIdle))
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if b.window > 0 {
		if b.window -= int64(n); b.window <= 0 && err == nil {
			err = errHeader
		}
	}
	elapsed := time.Since(b.start) - bodyGrace
	switch {
	case b.read > b.max:
		return 0, tooLarge(b.max)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, b.slow(err)
	case err == nil && elapsed > 0 && float64(b.read) < elapsed.Seconds()*float64(b.rate):
		return n, b.slow(fmt.Errorf("%d bytes in %v", b.read, elapsed+bodyGrace))
	case err != nil:
		b.ended = !errors.Is(err, errHeader)
		_ = b.control.SetReadDeadline(time.Time{}) // else the server takes a client that waits for its answer for one that left
	}
	return n, b.meaning(err)
}

const (
	lingerTime  = 2 * time.Second
	lingerBytes = 16 << 20
)

// smallRest is what net/http reads of a body that its handler has left, to keep the connection.
const smallRest = 256 << 10

// small tells whether so little is left that the connection can be kept.
func (b *body) small() bool { return 0 <= b.length && b.length-b.read < smallRest && b.length <= b.max }

// hurry bounds the time for what is left.
func (b *body) hurry() { _ = b.control.SetReadDeadline(time.Now().Add(lingerTime)) }

// linger reads on for a while after an error has been answered: many clients read no answer before they have sent all, and a
// connection that is closed under them loses it.
func (b *body) linger() {
	b.hurry()
	_, _ = io.CopyN(io.Discard, b.ReadCloser, lingerBytes)
}

func (b *body) slow(err error) error {
	return &Error{Status: http.StatusRequestTimeout, Message: "the request came too slowly", Reason: "slow client", Err: err}
}

// meaning tells a client that left from a body that is wrong.
func (b *body) meaning(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errHeader) {
		return err
	}
	e := &Error{Status: http.StatusBadRequest, Message: "the body of the request is not well-formed", Reason: "bad request", Err: err}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
		e.Status, e.Message, e.Reason = statusClientGone, "the request ended before it was complete", "client gone"
	}
	return e
}
