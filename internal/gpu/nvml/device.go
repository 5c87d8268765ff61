//go:build linux && (amd64 || arm64)

package nvml

import "math"

// Handle names a GPU, or an instance of one under MIG, for the library.
type Handle uintptr

// Count returns the number of GPUs.
func (l *Library) Count() (int, error) { return l.number("nvmlDeviceGetCount_v2") }

// ByIndex returns the handle of GPU i, in the order of PCI addresses.
func (l *Library) ByIndex(i int) (Handle, error) {
	return l.handle("nvmlDeviceGetHandleByIndex_v2", uintptr(i))
}

func (l *Library) handle(function string, before ...uintptr) (Handle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scratch.PutU64(outOffset, 0)
	err := l.call(function, append(before, l.out())...)
	return Handle(l.scratch.U64(outOffset)), err
}

// UUID returns the name that never changes, "GPU-…" or "MIG-…".
func (l *Library) UUID(h Handle) (string, error) {
	return l.text("nvmlDeviceGetUUID", 96, uintptr(h))
}

// Name returns the product's name.
func (l *Library) Name(h Handle) (string, error) {
	return l.text("nvmlDeviceGetName", 96, uintptr(h))
}

// PCIBusID returns the place on the bus, such as "00000000:3B:00.0".
func (l *Library) PCIBusID(h Handle) (string, error) {
	const size, busID = 68, 36
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.scratch.Bytes[:size])
	if err := l.call("nvmlDeviceGetPciInfo_v3", uintptr(h), l.out()); err != nil {
		return "", err
	}
	return l.scratch.Text(outOffset+busID, 32), nil
}

// Memory is a GPU's memory in bytes. Total = Used + Free + Reserved.
type Memory struct{ Total, Reserved, Free, Used uint64 }

// Memory returns a GPU's memory.
func (l *Library) Memory(h Handle) (Memory, error) {
	const size, version = 40, 2 << 24
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.scratch
	clear(s.Bytes[:size])
	s.PutU32(outOffset, version|size)
	err := l.call("nvmlDeviceGetMemoryInfo_v2", uintptr(h), l.out())
	if err == nil {
		return Memory{Total: s.U64(8), Reserved: s.U64(16), Free: s.U64(24), Used: s.U64(32)}, nil
	}
	if !Is(err, FunctionNotFound) {
		return Memory{}, err
	}
	err = l.call("nvmlDeviceGetMemoryInfo", uintptr(h), l.out()) // before R510: what is reserved counts as used
	return Memory{Total: s.U64(0), Free: s.U64(8), Used: s.U64(16)}, err
}

// Utilisation returns how busy a GPU's processors were lately, in percent.
func (l *Library) Utilisation(h Handle) (int, error) {
	return l.number("nvmlDeviceGetUtilizationRates", uintptr(h))
}

// Temperature returns a GPU's temperature in degrees Celsius.
func (l *Library) Temperature(h Handle) (int, error) {
	return l.number("nvmlDeviceGetTemperature", uintptr(h), 0)
}

// ComputeCapability returns a GPU's generation: 8, 9 for sm_89.
func (l *Library) ComputeCapability(h Handle) (major, minor int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.call("nvmlDeviceGetCudaComputeCapability", uintptr(h), l.out(), l.scratch.Address(inOffset))
	return int(l.scratch.U32(outOffset)), int(l.scratch.U32(inOffset)), err
}

// Instances returns the instances that a GPU is cut into, and whether it is. One that is cut does not compute itself.
func (l *Library) Instances(h Handle) (instances []Handle, cut bool, err error) {
	l.mu.Lock()
	err = l.call("nvmlDeviceGetMigMode", uintptr(h), l.out(), l.scratch.Address(inOffset))
	cut = l.scratch.U32(outOffset) == 1
	l.mu.Unlock()
	if err != nil || !cut {
		if Is(err, NotSupported) || Is(err, FunctionNotFound) {
			err = nil
		}
		return nil, false, err
	}
	most, err := l.number("nvmlDeviceGetMaxMigDeviceCount", uintptr(h))
	if err != nil {
		return nil, true, err
	}
	for i := range min(most, 64) {
		instance, err := l.handle("nvmlDeviceGetMigDeviceHandleByIndex", uintptr(h), uintptr(i))
		if Is(err, NotFound) {
			continue // places may be empty
		}
		if err != nil {
			return instances, true, err
		}
		instances = append(instances, instance)
	}
	return instances, true, nil
}

// notAvailable is NVML_VALUE_NOT_AVAILABLE.
const notAvailable = math.MaxUint64
