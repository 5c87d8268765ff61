package api

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"sync"
	"time"
)

// Request is what is known about a request beside its content: whose it is, and an account of where its time went.
// Handlers take it from their context.
type Request struct {
	ID     string
	Caller string // the name of the API key, or else the address of the client
	Start  time.Time

	mu      sync.Mutex
	account Account

	entering sync.Mutex
	entered  bool // the queue has let a recording in
}

// Account is where the time of a request went, over all of its recordings.
type Account struct {
	Sound  time.Duration // that was recognised
	Decode time.Duration // reading the recordings
	Detect time.Duration // finding speech
	Queue  time.Duration // waiting for the engine
	Encode time.Duration // features and the network
}

// Add books times.
func (r *Request) Add(a Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.account = r.account.Plus(a)
}

// Account returns what was booked so far.
func (r *Request) Account() Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.account
}

// Plus returns the sums of two accounts.
func (a Account) Plus(b Account) Account {
	return Account{a.Sound + b.Sound, a.Decode + b.Decode, a.Detect + b.Detect, a.Queue + b.Queue, a.Encode + b.Encode}
}

// Compute is the time that was spent on the recordings, waiting not included.
func (a Account) Compute() time.Duration { return a.Decode + a.Detect + a.Encode }

type requestKey struct{}

// RequestOf returns the request that a context belongs to. Every handler's does.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// newRequest names a request: as the client names it in X-Request-Id, or anew.
func newRequest(r *http.Request) *Request {
	id := r.Header.Get("X-Request-Id")
	if !usable(id) {
		id = rand.Text()
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return &Request{ID: id, Caller: host, Start: time.Now()}
}

// usable reports whether an id from outside may stand in logs and headers.
func usable(id string) bool {
	for _, c := range []byte(id) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 64
}
