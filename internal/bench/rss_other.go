//go:build !linux

package bench

// PeakRSS is measured on Linux only; elsewhere it is 0.
func PeakRSS() int64 { return 0 }
