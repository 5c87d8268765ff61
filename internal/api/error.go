package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/batch"
	"sensevoice/internal/spool"
	"sensevoice/internal/transcribe"
)

// Error is a failure of a request: what the client is told, and apart from it what the log has.
type Error struct {
	Status     int
	Message    string        // for the client
	Fields     []FieldError  // which fields are wrong, if that is what happened
	Code       string        // OpenAI's name of the condition, "" for none
	Reason     string        // label of the metric of rejects, "" where nothing was rejected
	RetryAfter time.Duration // when to try again, 0 where that would not help
	Err        error         // the cause, for the log alone
}

// FieldError is a field of a request that is wrong.
type FieldError struct {
	Field   string
	Message string
	Kind    string // FastAPI's name of the fault: "missing", "value_error", "extra_forbidden"
}

func (e *Error) Error() string {
	text := e.Message
	for i, f := range e.Fields {
		if i > 0 {
			text += "; "
		}
		text += f.Field + ": " + f.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wrong is the error for one field with an impossible value.
func Wrong(field, message string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Fields: []FieldError{{field, message, "value_error"}}}
}

// statusClientGone is what the log has for a request whose client left, as nginx has it.
const statusClientGone = 499

// Public makes of any error what a client may be told, by who can do something about it.
func Public(ctx context.Context, err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Status: statusClientGone, Message: "the client closed the connection", Reason: "client gone", Err: err}
	}
	if e := classifySound(err); e != nil {
		return e
	}
	if e := classifyQueue(err); e != nil {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Message: "internal error; the server's log has the cause under this request's id", Err: err}
}

// classifySound knows what may be wrong with a recording.
func classifySound(err error) *Error {
	var format *audio.FormatError
	var long *audio.TooLongError
	switch {
	case errors.As(err, &long):
		return &Error{Status: http.StatusRequestEntityTooLarge, Message: err.Error() + ", the limit of this server; divide it", Reason: "too long"}
	case errors.As(err, &format):
		return &Error{Status: http.StatusBadRequest, Message: "cannot read the recording: " + err.Error(), Code: "invalid_audio", Reason: "bad audio"}
	case errors.Is(err, audio.ErrNoSamples), errors.Is(err, transcribe.ErrTooShort):
		return &Error{Status: http.StatusBadRequest, Message: err.Error(), Code: "audio_too_short", Reason: "bad audio"}
	}
	return nil
}

// classifyQueue knows why something may have to wait or cannot be done.
func classifyQueue(err error) *Error {
	var busy *batch.BusyError
	var large *batch.TooLargeError
	var memory *batch.MemoryError
	switch {
	case errors.As(err, &busy):
		return &Error{Status: http.StatusTooManyRequests, Message: busy.Error(), Code: "rate_limit_exceeded", Reason: "queue full", RetryAfter: max(busy.RetryAfter, time.Second)}
	case errors.As(err, &large):
		return &Error{Status: http.StatusRequestEntityTooLarge, Message: large.Error(), Reason: "too large"}
	case errors.As(err, &memory):
		return &Error{Status: http.StatusServiceUnavailable, Message: "no memory for recognition at the moment", Reason: "no memory", RetryAfter: 5 * time.Second, Err: err}
	case errors.Is(err, batch.ErrClosed):
		return draining()
	case errors.Is(err, spool.ErrFull):
		return &Error{Status: http.StatusServiceUnavailable, Message: err.Error(), Reason: "spool full", RetryAfter: 10 * time.Second}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{Status: http.StatusRequestTimeout, Message: "the request came too slowly", Reason: "slow client", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusGatewayTimeout, Message: "recognition took longer than this server allows", Reason: "deadline", Err: err}
	}
	return nil
}

func draining() *Error {
	return &Error{Status: http.StatusServiceUnavailable, Message: "the server is shutting down; another one may answer", Reason: "draining", RetryAfter: 5 * time.Second}
}

func unauthorized(message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Message: message, Code: "invalid_api_key", Reason: "bad key"}
}

func tooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Reason: "body too large",
		Message: fmt.Sprintf("the request is larger than %d bytes, the limit of this server", limit),
	}
}

// Told is the error of a handler that has begun to answer and has told the client what failed in the answer itself: the
// connection may stay.
func Told(err error) error { return &toldError{err} }

type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }
