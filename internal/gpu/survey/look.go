//go:build linux && (amd64 || arm64)

package survey

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sensevoice/internal/clib"
	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/nvml"
)

// Look takes a snapshot.
func (s *Surveyor) Look() *gpu.Snapshot {
	seen := &gpu.Snapshot{Time: time.Now(), CUDA: s.cuda, Devices: []gpu.Device{}, Problems: slices.Clone(s.problems)}
	if s.nvml == nil {
		return seen
	}
	seen.Driver, _ = s.nvml.DriverVersion() // for people only
	seen.NVML, _ = s.nvml.Version()
	count, err := s.nvml.Count()
	if err != nil {
		s.refuse(seen, err)
		return seen
	}
	if count == 0 {
		seen.Problems = append(seen.Problems, gpu.Problem{Code: gpu.ProblemNoDevice})
	}
	s.takeXids()
	for i := range count {
		if err := s.lookAt(seen, i); err != nil {
			if hang := (*clib.HangError)(nil); errors.As(err, &hang) {
				s.refuse(seen, err)
				return seen
			}
			seen.Problems = append(seen.Problems, gpu.Problem{Code: gpu.ProblemPartly, Detail: fmt.Sprintf("GPU %d: %v", i, err)})
		}
	}
	return seen
}

// refuse puts an error of NVML among the snapshot's problems, before others.
func (s *Surveyor) refuse(seen *gpu.Snapshot, err error) {
	before := s.problems
	s.problems = nil
	s.problem(err, gpu.ProblemNVML, gpu.ProblemNVMLHang, gpu.ProblemNVML)
	seen.Problems = append(s.problems, seen.Problems...)
	s.problems = before
}

func (s *Surveyor) takeXids() {
	for {
		select {
		case e := <-s.xids:
			if uuid := s.handles[e.Handle]; len(s.faults[uuid]) < 16 && !slices.Contains(s.faults[uuid], e.Xid) {
				s.faults[uuid] = append(s.faults[uuid], e.Xid)
			}
		default:
			return
		}
	}
}

// lookAt adds a GPU and its instances.
func (s *Surveyor) lookAt(seen *gpu.Snapshot, index int) error {
	h, err := s.nvml.ByIndex(index)
	if err != nil {
		return err
	}
	d := gpu.Device{Index: index, Ordinal: -1}
	if d.UUID, err = s.nvml.UUID(h); err != nil {
		return err
	}
	s.handles[h] = d.UUID
	d.Xids = s.faults[d.UUID]
	var instances []nvml.Handle
	if instances, d.Cut, err = s.nvml.Instances(h); err != nil {
		return err
	}
	if err := s.read(seen, h, &d); err != nil {
		return err
	}
	seen.Devices = append(seen.Devices, d)
	for _, i := range instances {
		instance := gpu.Device{Index: index, Ordinal: -1, Parent: d.UUID, PCI: d.PCI, Compute: d.Compute, Xids: d.Xids}
		if instance.UUID, err = s.nvml.UUID(i); err != nil {
			return err
		}
		if err := s.read(seen, i, &instance); err != nil {
			return err
		}
		seen.Devices = append(seen.Devices, instance)
	}
	return nil
}

// read fills in what a device is and holds. What only people want is left out where the driver does not tell.
func (s *Surveyor) read(seen *gpu.Snapshot, h nvml.Handle, d *gpu.Device) (err error) {
	if d.Name, err = s.nvml.Name(h); err != nil {
		return err
	}
	if ordinal, listed := s.ordinals[gpuForm(d.UUID)]; listed {
		d.Ordinal = ordinal
	}
	if d.Parent == "" {
		d.PCI, _ = s.nvml.PCIBusID(h)
		if major, minor, err := s.nvml.ComputeCapability(h); err == nil {
			d.Compute = fmt.Sprintf("%d.%d", major, minor)
		}
	}
	if v, err := s.nvml.Utilisation(h); err == nil {
		d.Utilisation = &v
	}
	if v, err := s.nvml.Temperature(h); err == nil {
		d.Temperature = &v
	}
	if err := s.memory(seen, h, d); err != nil {
		return err
	}
	d.Processes, err = s.processes(h)
	if nvml.Is(err, nvml.NotSupported) {
		err = nil
	}
	return err
}

// gpuForm is how the CUDA driver's 16 bytes of a UUID are written, for GPUs and instances alike.
func gpuForm(uuid string) string { return strings.Replace(uuid, "MIG-", "GPU-", 1) }

func (s *Surveyor) memory(seen *gpu.Snapshot, h nvml.Handle, d *gpu.Device) error {
	m, err := s.nvml.Memory(h)
	if nvml.Is(err, nvml.NotSupported) { // memory is the host's
		d.Integrated = true
		d.Total, d.Free, err = hostMemory()
		d.Used = d.Total - d.Free
		return err
	}
	if err != nil {
		return err
	}
	d.Total, d.Free, d.Used, d.Reserved = m.Total, m.Free, m.Used, m.Reserved
	if m.Free > m.Total || m.Used > m.Total {
		d.Free = 0
		if held := m.Used + m.Reserved; held <= m.Total {
			d.Free = m.Total - held
		}
		seen.Problems = append(seen.Problems, gpu.Problem{
			Code:   gpu.ProblemMemory,
			Detail: fmt.Sprintf("GPU %d: free %d, used %d, total %d bytes", d.Index, m.Free, m.Used, m.Total),
		})
	}
	return nil
}

// hostMemory returns the host's memory for a GPU that shares it: what the system could give, less 2 GiB that are left to it.
func hostMemory() (total, free uint64, err error) {
	const leave = 2 << 30
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(data)) {
		var kb uint64
		if n, _ := fmt.Sscanf(line, "MemTotal: %d kB", &kb); n == 1 {
			total = kb << 10
		}
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); n == 1 {
			free = kb<<10 - min(kb<<10, leave)
		}
	}
	return total, min(free, total), nil
}

func (s *Surveyor) processes(h nvml.Handle) ([]gpu.Process, error) {
	list, err := s.nvml.Processes(h)
	if err != nil {
		return nil, err
	}
	processes := make([]gpu.Process, len(list))
	for i, p := range list {
		processes[i].PID = p.PID
		if p.Known {
			processes[i].Bytes = &list[i].Bytes
		}
		// In a container the PIDs are the host's and their names are not to be had.
		if name, err := s.nvml.ProcessName(p.PID); err == nil {
			processes[i].Name = printable(name)
		}
	}
	return processes, nil
}

// printable makes a name safe for a terminal: other users choose their processes' names.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, name)
}
