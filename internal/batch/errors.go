package batch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrClosed is the answer of a scheduler that is closed or closing.
var ErrClosed = errors.New("the server is shutting down")

// BusyError refuses a request because too much is waiting already. Nothing of it was computed.
type BusyError struct {
	RetryAfter   time.Duration // when there should be room, by the measured speed
	Wait         time.Duration // that the request would have had to expect
	QueueSeconds float64       // of sound, waiting or running
	QueueBytes   int64
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("too busy: %.4g s of sound (%d bytes) are waiting or running; try again in %.3g s",
		e.QueueSeconds, e.QueueBytes, e.RetryAfter.Seconds())
}

// TooLargeError refuses a clip that does not fit even if nothing else runs.
type TooLargeError struct {
	What        string  // "working memory" of the engine, or "queue"
	Seconds     float64 // of sound in the clip
	Need, Limit int64   // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("a stretch of %.4g s of sound needs %d bytes of %s, and the limit is %d: cut it into shorter ones, or raise the limit",
		e.Seconds, e.Need, e.What, e.Limit)
}

// MemoryError says that the engine was refused memory for a clip even by itself. It may get it at another time.
type MemoryError struct {
	Bytes int64 // of the arena
	Err   error
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("no memory now for one segment (arena of %d bytes): %v", e.Bytes, e.Err)
}

// Unwrap returns what the engine said.
func (e *MemoryError) Unwrap() error { return e.Err }

// DeadlineError says that a request's deadline passed. It is a [context.DeadlineExceeded].
type DeadlineError struct {
	Deadline time.Time
}

func (e *DeadlineError) Error() string {
	return "the request's deadline passed before its result was ready"
}

// Unwrap returns context.DeadlineExceeded.
func (e *DeadlineError) Unwrap() error { return context.DeadlineExceeded }
