package gpu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// LookDeadline is how long looking may take: a start-up with a driver that hangs must reach the CPU within five seconds, waiting for
// others who choose included. The helper's own deadlines are shorter.
const LookDeadline = 3500 * time.Millisecond

// maxSnapshot bounds what the helper may say, in bytes.
const maxSnapshot = 16 << 20

// Look asks the helper program what GPUs there are. It never fails: what is wrong is among the snapshot's problems. Path names
// the helper; "" is the one beside this program.
func Look(ctx context.Context, path string) *Snapshot {
	started := time.Now()
	s := look(ctx, path)
	s.Time, s.Elapsed = started, time.Since(started).Seconds()
	if s.Devices == nil {
		s.Devices = []Device{}
	}
	return s
}

func look(ctx context.Context, path string) *Snapshot {
	path, problem := HelperPath(path)
	if problem != nil {
		return &Snapshot{Problems: []Problem{*problem}}
	}
	ctx, cancel := context.WithTimeout(ctx, LookDeadline)
	defer cancel()
	out, err := runHelper(ctx, path)
	if err != nil {
		code := ProblemHelper
		if errors.Is(err, context.DeadlineExceeded) {
			code, err = ProblemHelperHang, fmt.Errorf("no answer within %v", LookDeadline)
		}
		return &Snapshot{Problems: []Problem{{Code: code, Detail: err.Error()}}}
	}
	var s Snapshot
	if err := json.Unmarshal(out, &s); err != nil {
		return &Snapshot{Problems: []Problem{{Code: ProblemHelper, Detail: "it does not answer in JSON: " + err.Error()}}}
	}
	return &s
}

// HelperPath finds the helper program.
func HelperPath(path string) (string, *Problem) {
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		return "", &Problem{Code: ProblemPlatform, Detail: runtime.GOOS + "/" + runtime.GOARCH}
	}
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return "", &Problem{Code: ProblemNoHelper, Detail: err.Error()}
		}
		if own, err = filepath.EvalSymlinks(own); err != nil {
			return "", &Problem{Code: ProblemNoHelper, Detail: err.Error()}
		}
		path = filepath.Join(filepath.Dir(own), "sensevoice-gpu")
	}
	if _, err := os.Stat(path); err != nil {
		return "", &Problem{Code: ProblemNoHelper, Detail: path}
	}
	return path, nil
}

// runHelper returns the helper's standard output. It does not wait for a process that cannot be ended, as one inside a broken
// driver cannot: that is left behind.
func runHelper(ctx context.Context, path string) ([]byte, error) {
	cmd := exec.Command(path, "look")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, maxSnapshot}, &limited{&said, 4096}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
		}
		return out.Bytes(), nil
	case <-ctx.Done():
		cmd.Process.Kill()
		return nil, ctx.Err()
	}
}

// limited refuses to take more than left bytes.
type limited struct {
	io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errors.New("too much output")
	}
	l.left -= len(p)
	return l.Writer.Write(p)
}
