package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// PeakRSS returns the most memory that this process has had resident, in bytes, files that are mapped included; 0 if
// the system does not tell.
func PeakRSS() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
