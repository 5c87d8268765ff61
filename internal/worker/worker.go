// Package worker runs batches in processes of their own, one for each GPU, and keeps them alive. A GPU that breaks takes its process with it, never
// the server: after some errors of CUDA nothing else helps but a new process, and a driver that hangs must not hang a request.
//
// A [Pool] hands batches to whichever worker is free. A worker that dies or does not answer in time is ended and started anew, with growing
// pauses; its batch is tried once more elsewhere. A batch that has ended two workers is taken apart until the item is found that does
// it, and that item alone fails.
package worker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Runner computes batches: results are for the items, in their order.
type Runner interface {
	Run(ctx context.Context, items [][]byte) (results [][]byte, err error)
}

// Handler computes batches inside a worker process. It is called from one goroutine, locked to its thread.
type Handler interface {
	// Run returns a result for each item. The items are valid until it returns.
	Run(items [][]byte) (results [][]byte, err error)
	// GiveBack gives memory back: 1 what is not needed, 2 all that can be done without until the next batch.
	GiveBack(level int) error
	// Idle is called every now and then while there is nothing to do.
	Idle() error
	// Fatal tells whether an error has broken the device: the process then ends at once, without another call.
	Fatal(err error) bool
}

// BatchError is a batch that a worker refused, and lived on.
type BatchError struct{ Text string }

func (e *BatchError) Error() string { return "the worker refused the batch: " + e.Text }

// DiedError is the end of a worker.
type DiedError struct {
	Worker string
	Err    error
}

func (e *DiedError) Error() string { return fmt.Sprintf("worker %s: %v", e.Worker, e.Err) }

// Unwrap returns what ended it.
func (e *DiedError) Unwrap() error { return e.Err }

// PoisonError is an item on which workers die.
type PoisonError struct {
	Item int // of the batch that Run was given
	Err  error
}

func (e *PoisonError) Error() string {
	return fmt.Sprintf("segment %d of the batch ends whatever computes it: %v", e.Item, e.Err)
}

// Culprit returns the item's place in the batch: its neighbours can be computed without it.
func (e *PoisonError) Culprit() int { return e.Item }

// Unwrap returns how the last worker ended.
func (e *PoisonError) Unwrap() error { return e.Err }

// ErrClosed says that the pool has been closed.
var ErrClosed = errors.New("the workers have been stopped")

// ErrNoWorker says that all workers are down and nothing else may compute.
var ErrNoWorker = errors.New("no worker is up")

// session is one life of a worker process.
type session interface {
	// exchange runs a batch. A BatchError leaves the worker alive; after any other error it is of no use.
	exchange(items [][]byte, deadline time.Duration) (results [][]byte, err error)
	// dead is closed when the worker has ended or fallen silent.
	dead() <-chan struct{}
	// cause tells why, after dead.
	cause() error
	// giveBack asks the worker for memory: 1 what it does not need, 2 all it can.
	giveBack(level int) error
	// end asks the process to end and forces it after a while. It does not wait.
	end()
	// gone is closed when the process is no more. One that hangs in a driver may stay for ever.
	gone() <-chan struct{}
	pid() int
}

// The times of supervision.
const (
	beatEvery   = time.Second
	silence     = 10 * time.Second // without a sign of life, while idle
	termPatient = 2 * time.Second  // from asking to forcing
	failWindow  = 10 * time.Minute // in which failures are counted
	restAfter   = 5                // failures in the window: from then on a look at the driver comes before each start
)

// pauses before a start, by the failures in the window.
var pauses = []time.Duration{0, 0, time.Second, 5 * time.Second, 30 * time.Second, time.Minute}
