package gpu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// Watcher looks again and again, through one helper that keeps the driver's libraries open. It is safe for concurrent use; who asks while
// somebody else's look is under way waits for a look of its own.
type Watcher struct {
	path string

	mu     sync.Mutex
	helper *helper // nil: none is running
}

type helper struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	looks chan answer // one for each line written
	ended chan struct{}
}

type answer struct {
	seen *Snapshot
	err  error
}

// NewWatcher returns a watcher with the helper at path; "" is the one beside this program. It starts nothing yet.
func NewWatcher(path string) *Watcher { return &Watcher{path: path} }

// Look takes a snapshot. Like the function Look it never fails. A helper that does not answer is left to its fate, and the next look starts
// another one.
func (w *Watcher) Look(ctx context.Context) *Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	started := time.Now()
	seen, problem := w.look(ctx)
	if problem != nil {
		w.stop()
		seen = &Snapshot{Problems: []Problem{*problem}}
	} else if seen.Blocking() != nil { // its libraries are of no use any more, or never were: the next look begins anew
		w.stop()
	}
	seen.Time = started
	if seen.Devices == nil {
		seen.Devices = []Device{}
	}
	return seen
}

func (w *Watcher) look(ctx context.Context) (*Snapshot, *Problem) {
	if w.helper == nil {
		path, problem := HelperPath(w.path)
		if problem != nil {
			return nil, problem
		}
		h, err := startHelper(path)
		if err != nil {
			return nil, &Problem{Code: ProblemHelper, Detail: err.Error()}
		}
		w.helper = h
	}
	ctx, cancel := context.WithTimeout(ctx, LookDeadline)
	defer cancel()
	if _, err := io.WriteString(w.helper.in, "\n"); err != nil {
		return nil, &Problem{Code: ProblemHelper, Detail: "it has ended: " + err.Error()}
	}
	select {
	case a := <-w.helper.looks:
		if a.err != nil {
			return nil, &Problem{Code: ProblemHelper, Detail: a.err.Error()}
		}
		return a.seen, nil
	case <-ctx.Done():
		return nil, &Problem{Code: ProblemHelperHang, Detail: fmt.Sprintf("no answer within %v", LookDeadline)}
	}
}

func startHelper(path string) (*helper, error) {
	cmd := exec.Command(path, "watch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &helper{cmd: cmd, in: in, looks: make(chan answer, 1), ended: make(chan struct{})}
	go h.read(out)
	return h, nil
}

// read decodes the helper's lines until it ends, and reaps it.
func (h *helper) read(out io.Reader) {
	defer close(h.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 64<<10), maxSnapshot)
	for lines.Scan() {
		var s Snapshot
		err := json.Unmarshal(lines.Bytes(), &s)
		select {
		case h.looks <- answer{&s, err}:
		default: // nobody asked
		}
	}
	err := errors.Join(lines.Err(), h.cmd.Wait())
	if err == nil {
		err = errors.New("it has ended")
	}
	select {
	case h.looks <- answer{nil, err}:
	default:
	}
}

// stop ends the helper, and waits for it if it can be ended at once.
func (w *Watcher) stop() {
	if w.helper == nil {
		return
	}
	w.helper.in.Close()
	w.helper.cmd.Process.Kill()
	select {
	case <-w.helper.ended:
	case <-time.After(time.Second): // inside a broken driver: nothing can end it
	}
	w.helper = nil
}

// Close ends the helper.
func (w *Watcher) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
}
