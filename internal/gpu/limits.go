package gpu

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// DefaultFraction is the cap where none is set, as a part of a GPU's total. Under WSL 2 Windows pages GPU memory, and what the driver calls
// free is not all there.
func DefaultFraction() float64 {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease") // not there: not WSL
	return fractionOn(string(release))
}

func fractionOn(release string) float64 {
	if strings.Contains(strings.ToLower(release), "microsoft") {
		return 0.7
	}
	return 0.95
}

// Pinned are the limits that MPS, NVIDIA's service for sharing a GPU, is told to set for this process: bytes, by the device's place among
// the visible ones ("0") or its UUID.
type Pinned map[string]uint64

// ParsePinned reads CUDA_MPS_PINNED_DEVICE_MEM_LIMIT: "0=1G,1=512M".
func ParsePinned(text string) (Pinned, error) {
	limits := Pinned{}
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		device, size, ok := strings.Cut(part, "=")
		size = strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(size)), "B")
		shift := map[byte]int{'M': 20, 'G': 30}
		if device = strings.TrimSpace(device); !ok || device == "" || size == "" || shift[size[len(size)-1]] == 0 {
			return nil, fmt.Errorf("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT: %q must be DEVICE=SIZE, such as 0=2G or 1=512M", part)
		}
		unit := shift[size[len(size)-1]]
		n, err := strconv.ParseUint(size[:len(size)-1], 10, 64)
		if err != nil || n > math.MaxUint64>>unit {
			return nil, fmt.Errorf("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT: %q has no size such as 2G or 512M", part)
		}
		limits[device] = n << unit
	}
	return limits, nil
}

// capOf returns what this process may hold of a device: its part of the total, and no more than MPS lets it.
func (s Settings) capOf(place int, d Device) uint64 {
	most := s.CapOf(d.Total)
	for _, name := range []string{strconv.Itoa(place), d.UUID} {
		if limit, set := s.Pinned[name]; set {
			most = min(most, limit)
		}
	}
	return most
}
