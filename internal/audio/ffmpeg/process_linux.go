package ffmpeg

import (
	"errors"

	"golang.org/x/sys/unix"
)

// The program's bounds: it needs some 100 MB of memory for sound and decodes 500 s of it in a second.
const (
	maxMemory  = 1 << 30 // bytes of address space
	maxSeconds = 900     // of processor time
)

// confine sets the program's bounds; it may write no file.
func confine(pid int) error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_AS: maxMemory, unix.RLIMIT_CPU: maxSeconds, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0,
	} {
		err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) { // it may be gone already
			return err
		}
	}
	return nil
}
