package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// Handler answers a request, or returns why it has not. A handler that has begun to answer tells the client itself; an
// error that it returns then ends the connection, so that half an answer is not taken for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one path of a protocol.
type Route struct {
	Pattern string // as http.ServeMux has it: "POST /api/v1/asr"
	Shape   Shape  // of errors
	Open    bool   // for everybody at any time: no key, no rate, also while the server drains
	Handle  Handler
}

// Handler makes a route serve: with an id, behind keys and limits, logged, counted, and with panics and errors answered in
// the protocol's shape.
func (b *Backend) Handler(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := newRequest(r)
		ctx, span := b.beginSpan(route, r)
		r = r.WithContext(context.WithValue(ctx, requestKey{}, request))
		out := &writer{ResponseWriter: w, request: request, log: b.Log}
		out.Header().Set("X-Request-Id", request.ID)
		b.Metrics.Begin()
		failure := b.serve(route, out, r)
		if failure != nil && !out.begun {
			refuse(out, r, route.Shape, failure)
		}
		endSpan(span, request, b.finish(route, r, out, failure), failure)
		if failure != nil && out.cut {
			panic(http.ErrAbortHandler) // the documented way to end the connection
		}
	})
}

// refuse answers with an error, at once even if the client is still sending. What is left of a small body is read first, as
// net/http does: that costs less than the client's next connection.
func refuse(w *writer, r *http.Request, shape Shape, failure *Error) {
	unread, ok := r.Body.(*body)
	ok = ok && !unread.ended
	if ok && unread.small() {
		unread.hurry()
		ok = false
	}
	if ok {
		w.Header().Set("Connection", "close")
	}
	writeError(w, shape, failure)
	if ok {
		_ = http.NewResponseController(w).Flush() // a client that left does not read it
		if r.Header.Get("Expect") == "" {         // who asks first has not begun to send
			unread.linger()
		}
	}
}

// serve lets a request in and runs its handler.
func (b *Backend) serve(route Route, w *writer, r *http.Request) (failure *Error) {
	var err error
	defer func() {
		if p := recover(); p != nil {
			b.Log.Error("panic", "id", RequestOf(r.Context()).ID, "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			failure = &Error{Status: http.StatusInternalServerError, Message: "internal error; the server's log has the cause under this request's id", Err: fmt.Errorf("panic: %v", p)}
		}
		var told *toldError
		w.cut = failure != nil && w.begun && !errors.As(err, &told)
	}()
	if !route.Open {
		err = b.admit(r)
	}
	if err == nil {
		b.guard(w, r)
		err = route.Handle(w, r)
	}
	if err != nil {
		return Public(r.Context(), err)
	}
	return nil
}

// admit lets in who has a key and has not asked too often.
func (b *Backend) admit(r *http.Request) error {
	if b.IsDraining() {
		return draining()
	}
	request := RequestOf(r.Context())
	if b.Keys.Required() {
		secret := secretOf(r)
		if secret == "" {
			return unauthorized("this server wants an API key: send the header \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\"")
		}
		name, ok := b.Keys.Check(secret)
		if !ok {
			return unauthorized("the API key is not known")
		}
		request.Caller = name
	}
	if wait := b.Rates.Take(request.Caller, time.Now()); wait > 0 {
		return &Error{
			Status: http.StatusTooManyRequests, Message: "too many requests from this caller", Code: "rate_limit_exceeded",
			Reason: "rate", RetryAfter: wait,
		}
	}
	return nil
}

// secretOf returns the API key that a request shows. Browsers cannot set headers on a WebSocket, so there, and only there, it may
// be in the address.
func secretOf(r *http.Request) string {
	if scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		if strings.EqualFold(strings.TrimSuffix(scheme, ";"), "bearer") { // xiaozhi writes "Bearer; KEY"
			return strings.TrimSpace(secret)
		}
	}
	if secret := r.Header.Get("X-API-Key"); secret != "" {
		return secret
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return r.URL.Query().Get("api_key")
	}
	return ""
}

// finish logs and counts a request that has been answered, and returns its status.
func (b *Backend) finish(route Route, r *http.Request, w *writer, failure *Error) (status int) {
	request := RequestOf(r.Context())
	took := time.Since(request.Start)
	status = w.status
	level := slog.LevelInfo
	account := request.Account()
	facts := []any{
		"id", request.ID, "method", r.Method, "path", r.URL.Path, "caller", request.Caller,
		"ms", took.Milliseconds(), "bytes", w.written,
	}
	if account.Sound > 0 {
		facts = append(facts, "audio_s", account.Sound.Seconds(), "queue_ms", account.Queue.Milliseconds(), "compute_ms", account.Compute().Milliseconds())
	}
	if failure != nil {
		status = failure.Status
		facts = append(facts, "error", failure.Error())
		if failure.Reason != "" {
			b.Metrics.Reject(failure.Reason)
		}
		if status >= 500 && !errors.Is(failure.Err, context.Canceled) {
			level = slog.LevelWarn
		}
		if status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		if status == http.StatusTooManyRequests {
			level = slog.LevelDebug
			b.refusals.note(b.Log, time.Now(), failure)
		}
	} else if route.Open {
		level = slog.LevelDebug // probes and scrapes would drown the rest
	}
	b.Metrics.End(route.Pattern, status, took)
	b.Log.Log(r.Context(), level, "request", append(facts, "status", status)...)
	return status
}
