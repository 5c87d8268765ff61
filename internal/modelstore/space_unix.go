//go:build linux || darwin

package modelstore

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that a user other than root may still write in dir's file system.
func freeSpace(dir string) (bytes int64, known bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Bsize <= 0 {
		return 0, false
	}
	if fs.Bavail > uint64(math.MaxInt64/int64(fs.Bsize)) {
		return math.MaxInt64, true
	}
	return int64(fs.Bavail) * int64(fs.Bsize), true
}
