// Package doctor looks at everything that a server needs on this machine, and says of each thing how it is, and what to do where it
// is not well. It changes nothing.
package doctor

import (
	"io/fs"
	"slices"
	"strings"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	Good    Level = "good"
	Note    Level = "note"    // worth knowing; nothing to do
	Warning Level = "warning" // the server runs, and could do better
	Bad     Level = "bad"     // the server cannot start, or not as it was told to
)

// Finding is one thing that was looked at.
type Finding struct {
	Subject string    `json:"subject"` // "gpu", "container", "settings", "port", "model", "cpu", "tools"
	Level   Level     `json:"level"`
	What    lang.Text `json:"what"`
	Fix     lang.Text `json:"fix,omitzero"`
}

// Host is what is looked at. Tests give one of their own.
type Host struct {
	Root     fs.FS // the file system: proc, sys and the like
	Getenv   func(string) string
	LookPath func(program string) (string, error)
	Listen   func(address string) error // opens and closes an address

	GPU      *gpu.Snapshot
	Settings gpu.Settings
	Price    gpu.Price

	Address string // of the server
	Model   Model
	ISAs    []string // instruction sets that kernels are there for and that this CPU has, the best last
	Threads int      // that the server would use
	Notes   []string // what the configuration says about variables
	Wrong   error    // what is wrong with the configuration
}

// Model is what the server would load.
type Model struct {
	Name     string
	Bytes    int64
	Embedded bool
	Err      error
}

// Examine looks at everything.
func Examine(h *Host) []Finding {
	var all []Finding
	for _, look := range []func(*Host) []Finding{lookGPU, lookContainer, lookLimits, lookSettings, lookPort, lookModel, lookCPU, lookTools} {
		all = append(all, look(h)...)
	}
	return all
}

// Worst returns the worst level among findings.
func Worst(findings []Finding) Level {
	order := []Level{Good, Note, Warning, Bad}
	worst := 0
	for _, f := range findings {
		worst = max(worst, slices.Index(order, f.Level))
	}
	return order[worst]
}

// read returns a small file of the host, trimmed; "" if it cannot be read.
func (h *Host) read(path string) string {
	data, err := fs.ReadFile(h.Root, path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (h *Host) exists(path string) bool {
	_, err := fs.Stat(h.Root, path)
	return err == nil
}
