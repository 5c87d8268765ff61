// Package spool keeps uploads until they are read: small ones in memory, the rest of larger ones in files that have no
// name and so vanish with the process, all of them within a bound.
package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"sensevoice/internal/limit"
)

// Memory is how much of an upload is kept in memory, in bytes. Who receives uploads accounts for so much.
const Memory = 256 << 10

// step is what is taken of the budget at a time, in bytes.
const step = 1 << 20

// ErrFull says that the room for uploads is taken by others.
var ErrFull = errors.New("no room for the upload at the moment")

// Spool receives uploads.
type Spool struct {
	dir  string
	room *limit.Budget
}

// New makes a spool in a folder, "" for the system's temporary one, for size bytes in all.
func New(dir string, size int64) (*Spool, error) {
	s := &Spool{dir: dir, room: limit.NewBudget(size)}
	f, err := s.create() // now, so that a folder that cannot be written to is known at start
	if err != nil {
		return nil, err
	}
	return s, remove(f)
}

// Room returns the budget of bytes in files.
func (s *Spool) Room() *limit.Budget { return s.room }

func (s *Spool) create() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "sensevoice-*")
	if err == nil && !namesStay {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("folder for uploads: %w", err)
	}
	return f, nil
}

func remove(f *os.File) error {
	err := f.Close()
	if namesStay {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// namesStay says that the system does not let go of the name of a file that is open.
const namesStay = runtime.GOOS == "windows"

// Upload is what was received. Close it to free its memory, file and room.
type Upload struct {
	size   int64
	memory []byte
	file   *os.File
	spool  *Spool
	taken  int64
}

// Receive reads all of r. An error of r comes back as it is; ErrFull is wrapped.
func (s *Spool) Receive(r io.Reader) (*Upload, error) {
	u := &Upload{spool: s}
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(r, Memory))
	u.size, u.memory = n, head.Bytes()
	if err == nil && n == Memory {
		err = u.overflow(r)
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// overflow writes what does not fit memory to a file.
func (u *Upload) overflow(r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := u.write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (u *Upload) write(data []byte) (err error) {
	at := u.size - int64(len(u.memory))
	if at+int64(len(data)) > u.taken {
		if !u.spool.room.TryAcquire(step) {
			return ErrFull
		}
		u.taken += step
	}
	if u.file == nil {
		if u.file, err = u.spool.create(); err != nil {
			return err
		}
	}
	_, err = u.file.WriteAt(data, at)
	u.size += int64(len(data))
	return err
}

// Size returns the size of the upload in bytes.
func (u *Upload) Size() int64 { return u.size }

// Open returns a reader from the start. Several may read at once, until Close.
func (u *Upload) Open() io.Reader {
	if u.file == nil {
		return bytes.NewReader(u.memory)
	}
	return io.MultiReader(bytes.NewReader(u.memory), io.NewSectionReader(u.file, 0, u.size-int64(len(u.memory))))
}

// Close frees what the upload takes. It may be called more than once.
func (u *Upload) Close() {
	u.memory = nil
	if u.file != nil {
		_ = remove(u.file) // what was in it is not wanted any more
		u.file = nil
	}
	if u.taken > 0 {
		u.spool.room.Release(u.taken)
		u.taken = 0
	}
}
