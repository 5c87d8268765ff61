package modelstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrBusy says that another process, or another part of this one, is pulling or removing the model.
var ErrBusy = errors.New("it is being pulled or removed by somebody else: wait for that to end")

// lockInterval is how often a pull that waits looks whether the other one has ended. The systems' own
// blocking calls cannot be cancelled.
const lockInterval = 200 * time.Millisecond

// lock takes a model's lock, waiting for it as long as it takes. It calls waiting once if it must.
// The operating system releases the locks of a process that dies.
func (s *Store) lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for waited := false; ; waited = true {
		unlock, err := s.tryLock(name)
		if !errors.Is(err, ErrBusy) {
			return unlock, err
		}
		if !waited {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

// tryLock takes a model's lock or returns ErrBusy. The file stays when the lock is given back: deleting
// it would let a third process lock a new one while a second still waits at the old.
func (s *Store) tryLock(name string) (unlock func(), err error) {
	path := filepath.Join(s.models, ".lock", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	locked, err := lockFile(f)
	if locked {
		return func() { f.Close() }, nil
	}
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return nil, ErrBusy
}
