//go:build linux && (amd64 || arm64)

package clib

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Thread runs calls, one at a time, on one thread of the operating system, and gives each a deadline. A call that outlasts it is
// left behind with its thread, which nothing can end but the end of the process; the Thread then refuses all further calls.
type Thread struct {
	deadline time.Duration
	work     chan func()
	mu       sync.Mutex // held during a call
	stuck    error
}

// HangError says that a call did not return in time, now or earlier.
type HangError struct {
	Call  string
	After time.Duration
}

func (e *HangError) Error() string {
	return fmt.Sprintf("%s did not answer within %v", e.Call, e.After)
}

// NewThread starts a thread whose calls may take so long each; 0 is no limit.
func NewThread(deadline time.Duration) *Thread {
	t := &Thread{deadline: deadline, work: make(chan func())}
	go t.serve()
	return t
}

func (t *Thread) serve() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for f := range t.work {
		f()
	}
}

// Do runs f on the thread and waits for it. What is the name of the call for a HangError. f must touch nothing that its caller uses
// after a hang.
func (t *Thread) Do(what string, f func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stuck != nil {
		return t.stuck
	}
	done := make(chan struct{})
	t.work <- func() { f(); close(done) }
	if t.deadline == 0 {
		<-done
		return nil
	}
	timer := time.NewTimer(t.deadline)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		t.stuck = &HangError{what, t.deadline}
		return t.stuck
	}
}

// Close ends the thread, unless a call hangs on it.
func (t *Thread) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.work != nil {
		close(t.work)
		t.work = nil
	}
	if t.stuck == nil {
		t.stuck = fmt.Errorf("the thread for C calls is closed")
	}
}
