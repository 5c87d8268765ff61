package stub

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// GPU describes a card of a stub machine. Bytes throughout.
type GPU struct {
	Name              string
	Total, Reserved   uint64
	Processes         []Process // neighbours; what they hold is not free
	Major, Minor      uint64    // compute capability; 0: 8.9
	Utilisation, Temp uint64
	Ordinal           uint64 // its place in CUDA's own order
	Flags             uint64
	MIGCount          uint64 // instances, with MIGEnabled
	MIGBytes          uint64 // of each
}

// Process is a neighbour on a GPU.
type Process struct {
	PID, Bytes uint64
	Name       string
}

// Flags of a GPU: see c/sim.h.
const (
	Lost         = 1
	Integrated   = 2
	NoVMM        = 4
	MIGEnabled   = 8
	WrongFree    = 16
	NoMemoryInfo = 32
	NoPIDs       = 64
	HiddenNames  = 128
)

// Rule acts on the calls From to From+Count-1 of a function, counted from 1 over all processes.
type Rule struct {
	Function    string
	From, Count uint64
	Action      uint64
	Value       uint64
}

// Actions of a rule: see c/sim.h.
const (
	Fail = iota + 1
	Hang
	Exit
	Delay
	Take
	Sticky
	Skip
)

// Always is a count that does not end.
const Always = 1 << 62

// Machine is a stub machine's state file.
type Machine struct {
	Libraries Paths
	path      string
	file      *os.File
	rules     int
	err       error // the first fault of writing the file
}

// New makes a machine in folder dir.
func New(dir string, gpus ...GPU) (*Machine, error) {
	libraries, err := Libraries()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "machine")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	m := &Machine{Libraries: libraries, path: path, file: f}
	return m, m.Reset(gpus...)
}

// Close closes the file.
func (m *Machine) Close() error { return m.file.Close() }

// Env returns what makes a process see this machine, as KEY=value.
func (m *Machine) Env() []string {
	return []string{"SENSEVOICE_STUB=" + m.path, "SENSEVOICE_LIBCUDA=" + m.Libraries.CUDA, "SENSEVOICE_NVML=" + m.Libraries.NVML}
}

// Reset makes it a fresh machine with these GPUs: no clients, no rules, nothing counted. A process that has it mapped sees the change.
func (m *Machine) Reset(gpus ...GPU) error {
	if len(gpus) > maxDevices {
		return fmt.Errorf("%d GPUs, at most %d", len(gpus), maxDevices)
	}
	b := make([]byte, fileSize)
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	put(offDevices, uint64(len(gpus)))
	put(offVersion, 12040)
	put(offStride, 24)
	put(offGranularity, 2<<20)
	put(offContext, 400<<20)
	copy(b[offDriver:], "550.54.15")
	for i, g := range gpus {
		if len(g.Processes) > maxProcesses {
			return fmt.Errorf("GPU %d has %d processes, at most %d", i, len(g.Processes), maxProcesses)
		}
		g.write(b[offDevice+i*deviceSize:][:deviceSize], i)
	}
	m.rules = 0
	_, err := m.file.WriteAt(b, 0)
	return err
}

func (g GPU) write(b []byte, index int) {
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(b[at:], v) }
	for i := range 16 {
		b[i] = byte(0x10*index + i + 1)
	}
	copy(b[devName:devName+63], g.Name)
	copy(b[devPCI:], fmt.Sprintf("00000000:%02X:00.0", 0x10+index))
	if g.Major == 0 {
		g.Major, g.Minor = 8, 9
	}
	other := uint64(0)
	for i, p := range g.Processes {
		at := devProcesses + i*processSize
		put(at, p.PID)
		put(at+8, p.Bytes)
		copy(b[at+16:at+16+nameSize-1], p.Name)
		other += p.Bytes
	}
	for at, v := range map[int]uint64{
		devTotal: g.Total, devReserved: g.Reserved, devOther: other, devFlags: g.Flags, devMajor: g.Major, devMinor: g.Minor,
		devUtil: g.Utilisation, devTemp: g.Temp, devOrdinal: g.Ordinal, devMIGCount: g.MIGCount, devMIGBytes: g.MIGBytes,
		devCount: uint64(len(g.Processes)),
	} {
		put(at, v)
	}
}

// UUID returns GPU i's, as CUDA and NVML print it.
func UUID(i int) string {
	var u [16]byte
	for k := range u {
		u[k] = byte(0x10*i + k + 1)
	}
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func (m *Machine) put(at int, v uint64) {
	if _, err := m.file.WriteAt(binary.LittleEndian.AppendUint64(nil, v), int64(at)); err != nil && m.err == nil {
		m.err = err
	}
}

func (m *Machine) get(at int) uint64 {
	var b [8]byte
	if _, err := m.file.ReadAt(b[:], int64(at)); err != nil && m.err == nil {
		m.err = err
	}
	return binary.LittleEndian.Uint64(b[:])
}

// Err returns the first fault of reading or writing the state.
func (m *Machine) Err() error { return m.err }

func device(i int) int { return offDevice + i*deviceSize }

// SetOther makes neighbours hold so many bytes of GPU i.
func (m *Machine) SetOther(i int, bytes uint64) { m.put(device(i)+devOther, bytes) }

// SetFlags changes what GPU i is.
func (m *Machine) SetFlags(i int, flags uint64) { m.put(device(i)+devFlags, flags) }

// SetXid makes GPU i report an event.
func (m *Machine) SetXid(i int, code uint64) { m.put(device(i)+devXid, code) }

// SetStride sets the size of NVML's process entries: 24, or 32 as R535 drivers have it, or 16.
func (m *Machine) SetStride(bytes uint64) { m.put(offStride, bytes) }

// SetDriver sets the driver's version and the newest CUDA that it supports, 12040 for 12.4.
func (m *Machine) SetDriver(text string, cuda uint64) {
	b := make([]byte, 32)
	copy(b[:31], text)
	if _, err := m.file.WriteAt(b, offDriver); err != nil && m.err == nil {
		m.err = err
	}
	m.put(offVersion, cuda)
}

// SetContext sets what a process's context takes of a GPU.
func (m *Machine) SetContext(bytes uint64) { m.put(offContext, bytes) }

// Add adds a rule.
func (m *Machine) Add(r Rule) {
	at := offRule + m.rules*ruleSize
	b := make([]byte, ruleSize)
	copy(b[:nameSize-1], r.Function)
	for i, v := range []uint64{r.From, r.Count, r.Action, r.Value} {
		binary.LittleEndian.PutUint64(b[nameSize+8*i:], v)
	}
	if _, err := m.file.WriteAt(b, int64(at)); err != nil && m.err == nil {
		m.err = err
	}
	m.rules++
	m.put(offRules, uint64(m.rules))
}

// ClearRules removes all rules.
func (m *Machine) ClearRules() {
	m.rules = 0
	m.put(offRules, 0)
}

// Calls returns how often a function has been called, by all processes.
func (m *Machine) Calls(function string) uint64 {
	b := make([]byte, maxCounters*counterSize)
	if _, err := m.file.ReadAt(b, offCounter); err != nil {
		m.err = err
		return 0
	}
	for ; len(b) > 0; b = b[counterSize:] {
		if name, _, _ := bytes.Cut(b[:nameSize], []byte{0}); string(name) == function {
			return binary.LittleEndian.Uint64(b[nameSize:])
		}
	}
	return 0
}

// Held returns the bytes of GPU i that processes hold through the stub, the dead ones' included until somebody looks.
func (m *Machine) Held(i int) uint64 {
	sum := uint64(0)
	for k := range maxClients {
		sum += m.get(device(i) + devClients + k*clientSize + 8)
	}
	return sum
}
