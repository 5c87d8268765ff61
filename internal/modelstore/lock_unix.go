//go:build unix

package modelstore

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks an open file until it is closed, unless it is locked already.
func lockFile(f *os.File) (locked bool, err error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return true, nil
		case unix.EWOULDBLOCK:
			return false, nil
		case unix.EINTR:
		default:
			return false, err
		}
	}
}
