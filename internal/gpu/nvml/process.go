//go:build linux && (amd64 || arm64)

package nvml

import (
	"encoding/binary"
	"slices"
)

// Process is somebody who has memory on a GPU. PIDs are the host's, also in a container.
type Process struct {
	PID   uint32
	Bytes uint64 // meaningful if Known
	Known bool
}

const (
	maxProcesses = 1024 // of one list; a GPU with more is not believed
	largestEntry = 32
	untouched    = 0xAA
)

// Processes returns those who compute or draw on a GPU, each once.
func (l *Library) Processes(h Handle) ([]Process, error) {
	compute, err := l.processes(h, "nvmlDeviceGetComputeRunningProcesses")
	if err != nil {
		return nil, err
	}
	graphics, err := l.processes(h, "nvmlDeviceGetGraphicsRunningProcesses")
	if err != nil && !Is(err, NotSupported) && !Is(err, FunctionNotFound) {
		return nil, err
	}
	for _, g := range graphics {
		if !slices.ContainsFunc(compute, func(c Process) bool { return c.PID == g.PID }) {
			compute = append(compute, g)
		}
	}
	return compute, nil
}

func (l *Library) processes(h Handle, function string) ([]Process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.scratch
	names := []string{function + "_v3", function + "_v2", function}
	for room := 0; ; {
		entries := s.Bytes[inOffset : inOffset+room*largestEntry+64]
		for i := range entries {
			entries[i] = untouched
		}
		s.PutU64(outOffset, uint64(room))
		err := l.first(names, uintptr(h), l.out(), s.Address(inOffset))
		count := int(s.U32(outOffset))
		if err == nil {
			return decode(entries, min(count, room)), nil
		}
		if !Is(err, InsufficientSize) || count <= room || room >= maxProcesses {
			return nil, err
		}
		room = min(count+8, maxProcesses) // some may come before the next call
	}
}

// decode reads the driver's entries. The same function writes entries of 24 bytes in some drivers and of 32 in others (R535), and the
// oldest have 16: the buffer was filled with a pattern, and the last byte that differs tells.
func decode(entries []byte, count int) []Process {
	last := len(entries) - 1
	for last >= 0 && entries[last] == untouched {
		last--
	}
	stride := largestEntry
	for _, s := range []int{16, 24} {
		if last < count*s {
			stride = s
			break
		}
	}
	list := make([]Process, 0, count)
	for i := range count {
		e := entries[i*stride:]
		bytes := binary.LittleEndian.Uint64(e[8:])
		list = append(list, Process{PID: binary.LittleEndian.Uint32(e), Bytes: bytes, Known: bytes != notAvailable})
	}
	return list
}

// ProcessName returns the name of a process, where it is in our namespace.
func (l *Library) ProcessName(pid uint32) (string, error) {
	return l.text("nvmlSystemGetProcessName", 256, uintptr(pid))
}
