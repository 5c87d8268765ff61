package server

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// MachineMemory returns the memory of the machine or of the process's control group, whichever is less, in bytes.
func MachineMemory() (int64, error) { return machineMemory(os.DirFS("/")) }

func machineMemory(root fs.FS) (int64, error) {
	data, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, err
	}
	total, err := field(data, "MemTotal:")
	if err != nil {
		return 0, err
	}
	return min(total, groupLimit(root)), nil
}

// groupLimit returns the least limit of the process's control group and of those above it, in either version. In a container the
// group is the root of what is mounted.
func groupLimit(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	take := func(file string) {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return // another version, or the root, which has none
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			limit = min(limit, n)
		}
	}
	climb := func(mount, group, file string) {
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			take(path.Join(mount, group, file))
			if group == "/" {
				return
			}
		}
	}
	data, _ := fs.ReadFile(root, "proc/self/cgroup") // without it there are no groups
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[0] == "0":
			climb("sys/fs/cgroup", parts[2], "memory.max")
		case strings.Contains(","+parts[1]+",", ",memory,"):
			climb("sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes")
		}
	}
	return limit
}
