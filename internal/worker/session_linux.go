package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported tells whether there can be workers on this system.
const Supported = true

// process is a session with a worker process: a socket pair for control, and memory that both have mapped for what is large.
type process struct {
	cmd    *exec.Cmd
	conn   *net.UnixConn
	shared []byte

	ready   chan struct{} // closed at the worker's first message
	replies chan message
	ended   chan struct{} // closed when the socket is at its end, or silence fell
	exited  chan struct{} // closed when the process is reaped
	exit    error         // set before exited is closed

	next  atomic.Uint64
	alive atomic.Int64 // Unix nanoseconds of the last sign of life
	busy  atomic.Bool

	mu      sync.Mutex
	why     error // of ended
	ending  sync.Once
	readyMu sync.Once
}

const (
	defaultShared = 64 << 20
	defaultStart  = 60 * time.Second
	// The worker's ends of socket and memory, as file descriptors.
	socketFD, sharedFD = 3, 4
)

// open starts a process and waits until it is up.
func open(ctx context.Context, o Options) (session, error) {
	if o.Memory == 0 {
		o.Memory = defaultShared
	}
	if o.Start == 0 {
		o.Start = defaultStart
	}
	p, err := launch(o)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(o.Start)
	defer timer.Stop()
	select {
	case <-p.ready:
		return p, nil
	case <-p.ended:
		err = p.cause()
	case <-timer.C:
		err = fmt.Errorf("not up within %v", o.Start)
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.end()
	return nil, err
}

func launch(o Options) (*process, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "server"), os.NewFile(uintptr(fds[1]), "worker")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	memory, shared, err := shareMemory(o.Memory)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	defer memory.Close()
	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Env = append(os.Environ(), o.Env...)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs, memory}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the server's to handle
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close(), unix.Munmap(shared))
	}
	p := &process{
		cmd: cmd, conn: conn.(*net.UnixConn), shared: shared,
		ready: make(chan struct{}), replies: make(chan message, 1), ended: make(chan struct{}), exited: make(chan struct{}),
	}
	p.alive.Store(time.Now().UnixNano())
	go p.reap()
	go p.read()
	return p, nil
}

func shareMemory(size int) (*os.File, []byte, error) {
	fd, err := unix.MemfdCreate("sensevoice-worker", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("shared memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "shared memory")
	if err := f.Truncate(int64(size)); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	b, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, b, nil
}

// reap waits for the process and frees what belonged to it.
func (p *process) reap() {
	p.exit = p.cmd.Wait()
	close(p.exited)
	p.conn.Close()
}

// read takes the worker's messages until the socket ends or it has been silent for too long while it had nothing to do.
func (p *process) read() {
	buffer := make([]byte, messageSize+1)
	for {
		p.conn.SetReadDeadline(time.Now().Add(beatEvery))
		n, err := p.conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if quiet := time.Since(time.Unix(0, p.alive.Load())); !p.busy.Load() && quiet > silence && p.up() {
				p.stopReading(fmt.Errorf("no sign of life for %v", quiet.Round(time.Second)))
				return
			}
			continue
		}
		if err != nil {
			p.stopReading(p.endOf(err))
			return
		}
		m, err := decodeMessage(buffer[:n])
		if err != nil {
			p.stopReading(err)
			return
		}
		p.alive.Store(time.Now().UnixNano())
		p.readyMu.Do(func() { close(p.ready) })
		if m.Kind == kindDone {
			select {
			case p.replies <- m:
			default: // it answers what was not asked: exchange will find out
			}
		}
	}
}

func (p *process) up() bool {
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// endOf tells how the process ended, which is more than that the socket did.
func (p *process) endOf(err error) error {
	select {
	case <-p.exited:
		if p.exit != nil {
			return fmt.Errorf("it ended: %w", p.exit)
		}
		return errors.New("it ended")
	case <-time.After(time.Second):
		return fmt.Errorf("it hung up: %w", err)
	}
}

func (p *process) stopReading(why error) {
	p.mu.Lock()
	p.why = why
	p.mu.Unlock()
	close(p.ended)
}

func (p *process) exchange(items [][]byte, deadline time.Duration) ([][]byte, error) {
	half := len(p.shared) / 2
	used, err := put(p.shared[:half], items)
	if err != nil {
		return nil, err
	}
	p.busy.Store(true)
	defer p.busy.Store(false)
	id := p.next.Add(1)
	if err := p.send(message{Kind: kindRun, ID: id, Bytes: uint64(used)}); err != nil {
		return nil, err
	}
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case m := <-p.replies:
		return p.results(m, id, p.shared[half:], len(items))
	case <-p.ended:
		return nil, p.cause()
	case <-timer.C:
		return nil, fmt.Errorf("a batch was not done within %v", deadline)
	}
}

// results copies what the worker answered: the memory is used again.
func (p *process) results(m message, id uint64, area []byte, want int) ([][]byte, error) {
	if m.ID != id || m.Bytes > uint64(len(area)) {
		return nil, fmt.Errorf("it answered batch %d with %d bytes, asked for was batch %d", m.ID, m.Bytes, id)
	}
	copied := append([]byte(nil), area[:m.Bytes]...)
	if m.Status != 0 {
		return nil, &BatchError{string(copied)}
	}
	results, err := take(copied, m.Bytes)
	if err == nil && len(results) != want {
		err = fmt.Errorf("it answered %d results for %d items", len(results), want)
	}
	return results, err
}

func (p *process) send(m message) error {
	p.conn.SetWriteDeadline(time.Now().Add(silence))
	_, err := p.conn.Write(m.encode())
	return err
}

func (p *process) dead() <-chan struct{} { return p.ended }

func (p *process) cause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

func (p *process) giveBack(level int) error {
	return p.send(message{Kind: kindGiveBack, Status: uint32(level)}) //nolint:gosec // 1 or 2
}

func (p *process) end() {
	p.ending.Do(func() {
		_ = p.send(message{Kind: kindStop}) // it may be gone
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		go func() {
			select {
			case <-p.exited:
			case <-time.After(termPatient):
				_ = p.cmd.Process.Kill()
				<-p.exited
			}
			<-p.ended
			_ = unix.Munmap(p.shared)
		}()
	})
}

func (p *process) gone() <-chan struct{} { return p.exited }

func (p *process) pid() int { return p.cmd.Process.Pid }
