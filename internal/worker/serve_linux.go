package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit codes of a worker process.
const (
	ExitFatal    = 70 // the device is broken
	ExitOrphaned = 3  // the server is gone and a batch does not end
)

const orphanPatience = 10 * time.Second

// Serve is the worker process's life: it takes batches from the server that started it until that says stop or is gone. Open makes the
// handler, on the thread that it will be called on.
func Serve(open func() (Handler, error)) error {
	runtime.LockOSThread()
	conn, shared, err := inherited()
	if err != nil {
		return fmt.Errorf("a worker is started by the server, not by hand: %w", err)
	}
	defer conn.Close()
	h, err := open()
	if err != nil {
		return err
	}
	incoming := make(chan message, 64) // more than a server sends during a batch, so that its end is seen meanwhile
	go receive(conn, incoming)
	w := &serving{handler: h, conn: conn, shared: shared}
	if err := w.send(message{Kind: kindReady}); err != nil {
		return err
	}
	return w.loop(incoming)
}

func inherited() (*net.UnixConn, []byte, error) {
	socket, memory := os.NewFile(socketFD, "socket"), os.NewFile(sharedFD, "shared memory")
	defer socket.Close()
	defer memory.Close()
	conn, err := net.FileConn(socket)
	if err != nil {
		return nil, nil, err
	}
	control, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, errors.Join(errors.New("file 3 is no Unix socket"), conn.Close())
	}
	info, err := memory.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	shared, err := unix.Mmap(int(memory.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return control, shared, nil
}

// receive passes messages on and closes the channel when the server is gone. If then nobody takes notice for a while, the batch hangs, and
// the process ends itself rather than hold a GPU for nobody.
func receive(conn *net.UnixConn, to chan<- message) {
	buffer := make([]byte, messageSize+1)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			break
		}
		m, err := decodeMessage(buffer[:n])
		if err != nil {
			break
		}
		to <- m
	}
	close(to)
	time.Sleep(orphanPatience)
	os.Exit(ExitOrphaned)
}

type serving struct {
	handler Handler
	conn    *net.UnixConn
	shared  []byte
}

func (w *serving) send(m message) error {
	_, err := w.conn.Write(m.encode())
	return err
}

func (w *serving) loop(incoming <-chan message) error {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			if err := w.must(w.handler.Idle()); err != nil {
				return err
			}
			if err := w.send(message{Kind: kindBeat}); err != nil {
				return nil //nolint:nilerr // the server is gone
			}
		case m, open := <-incoming:
			if !open || m.Kind == kindStop {
				return nil
			}
			if err := w.handle(m); err != nil {
				return err
			}
		}
	}
}

// must ends the process if an error has broken the device: any further call would only return it again, and cleaning up is such a call.
func (w *serving) must(err error) error {
	if err != nil && w.handler.Fatal(err) {
		fmt.Fprintf(os.Stderr, "sensevoice-gpu: the device is broken: %v\n", err)
		syscall.Exit(ExitFatal)
	}
	return err
}

func (w *serving) handle(m message) error {
	half := len(w.shared) / 2
	switch m.Kind {
	case kindGiveBack:
		return w.must(w.handler.GiveBack(int(m.Status)))
	case kindRun:
		items, err := take(w.shared[:half], m.Bytes)
		if err != nil {
			return err
		}
		reply := message{Kind: kindDone, ID: m.ID}
		used := 0
		results, err := w.handler.Run(items)
		if err == nil {
			used, err = put(w.shared[half:], results)
		}
		if w.must(err) != nil {
			reply.Status, used = 1, copy(w.shared[half:], err.Error())
		}
		reply.Bytes = uint64(used)
		return w.send(reply)
	}
	return fmt.Errorf("unknown message %d", m.Kind)
}
