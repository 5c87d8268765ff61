package server

import "golang.org/x/sys/unix"

// MachineMemory returns the memory of the machine, in bytes.
func MachineMemory() (int64, error) {
	n, err := unix.SysctlUint64("hw.memsize")
	return int64(n), err
}
