package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// writeTimeout is how long a client may take for each piece of its answer.
const writeTimeout = time.Minute

// writer notes what is answered, adds the account to the header, and gives slow readers a deadline.
type writer struct {
	http.ResponseWriter
	request *Request
	log     *slog.Logger

	status  int
	written int64
	begun   bool // the header is out
	cut     bool // the connection is to end: the answer is not whole
}

// WriteHeader sends the header.
func (w *writer) WriteHeader(status int) {
	if !w.begun {
		w.begun, w.status = true, status
		if a := w.request.Account(); a.Sound > 0 {
			w.Header().Set("X-Queue-Ms", strconv.FormatInt(a.Queue.Milliseconds(), 10))
			w.Header().Set("X-Compute-Ms", strconv.FormatInt(a.Compute().Milliseconds(), 10))
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a piece of the body.
func (w *writer) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	// A writer that knows no deadlines belongs to a test, and a broken connection is seen by Write.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController, and who takes over the connection, reach the writer below.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
