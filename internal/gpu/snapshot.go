// Package gpu knows what GPUs there are, who uses them, which one to take and how much of it may be held. It looks through a helper
// program, sensevoice-gpu, since only that links the GPU's libraries: this package, and the server with it, stay static and
// cannot be brought down by a driver.
package gpu

import (
	"fmt"
	"time"
)

// Snapshot is what could be seen of this machine's GPUs at one time. Every number was measured; what could not be is absent. It is
// the JSON of GET /api/v1/gpu and of sensevoice gpu check --json. Bytes throughout.
type Snapshot struct {
	Time     time.Time `json:"time"`
	Driver   string    `json:"driver,omitempty"`       // version, such as "550.54.15"
	NVML     string    `json:"nvml,omitempty"`         // version of the library
	CUDA     int       `json:"cuda,omitempty"`         // newest CUDA that the driver supports: 12040 for 12.4
	Devices  []Device  `json:"devices"`                // in the order of PCI addresses, as nvidia-smi numbers them
	Problems []Problem `json:"problems,omitempty"`     // what kept something from being seen or used, the worst first
	Elapsed  float64   `json:"look_seconds,omitempty"` // what looking took
}

// Device is a GPU, or an instance of one under MIG.
type Device struct {
	Ordinal     int       `json:"ordinal"` // N of cuda:N where CUDA_VISIBLE_DEVICES is not set; -1: CUDA does not list it
	Index       int       `json:"index"`   // as nvidia-smi numbers it; an instance has its GPU's
	UUID        string    `json:"uuid"`
	Name        string    `json:"name"`
	PCI         string    `json:"pci,omitempty"`
	Parent      string    `json:"parent,omitempty"` // of an instance: its GPU's UUID
	Cut         bool      `json:"cut,omitempty"`    // into instances, which compute instead of it
	Compute     string    `json:"compute,omitempty"`
	Integrated  bool      `json:"integrated,omitempty"` // shares the host's memory
	Total       uint64    `json:"total"`
	Free        uint64    `json:"free"`
	Used        uint64    `json:"used"`
	Reserved    uint64    `json:"reserved"` // by the driver
	Utilisation *int      `json:"utilisation,omitempty"`
	Temperature *int      `json:"temperature,omitempty"`
	Processes   []Process `json:"processes"`
	Xids        []uint64  `json:"xids,omitempty"`  // faults reported while watching
	Fault       string    `json:"fault,omitempty"` // why it cannot be used
}

// Process is somebody who has memory on a GPU.
type Process struct {
	PID   uint32  `json:"pid"`             // the host's, also inside a container
	Name  string  `json:"name,omitempty"`  // "" if it is in another namespace
	Bytes *uint64 `json:"bytes,omitempty"` // nil if the driver does not tell
}

// Problem is something that keeps GPUs from being seen or used.
type Problem struct {
	Code   string `json:"code"`             // one of the Problem constants
	Detail string `json:"detail,omitempty"` // what exactly was said, by whom
	Number int    `json:"number,omitempty"` // the code that a library returned
}

// The codes of problems.
const (
	ProblemPlatform   = "platform"       // GPUs are used on Linux only
	ProblemNoHelper   = "helper-missing" // sensevoice-gpu is not there
	ProblemHelper     = "helper-failed"  // it ended without an answer
	ProblemHelperHang = "helper-hung"    // it does not answer
	ProblemNoNVML     = "nvml-missing"
	ProblemNVMLHang   = "nvml-hung"
	ProblemNVML       = "nvml-error" // Number says which
	ProblemNoCUDA     = "cuda-missing"
	ProblemCUDAHang   = "cuda-hung"
	ProblemCUDA       = "cuda-error" // Number says which
	ProblemOldDriver  = "driver-old" // Number is what it supports
	ProblemNoDevice   = "no-device"
	ProblemMemory     = "memory-wrong" // free and used make no sense; Detail says where. Worked around
	ProblemPartly     = "device-error" // one device could not be read; Detail says which
)

// blocks tells whether no GPU can be used because of the problem.
func (p Problem) blocks() bool { return p.Code != ProblemMemory && p.Code != ProblemPartly }

// Blocking returns the problem because of which no GPU can be used, or nil.
func (s *Snapshot) Blocking() *Problem {
	for i := range s.Problems {
		if s.Problems[i].blocks() {
			return &s.Problems[i]
		}
	}
	return nil
}

// GB prints bytes as operators of GPUs read them: in units of 2^30, as nvidia-smi and PyTorch do.
func GB(bytes uint64) string { return fmt.Sprintf("%.2fGB", float64(bytes)/(1<<30)) }
