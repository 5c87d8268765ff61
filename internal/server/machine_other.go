//go:build !linux && !darwin

package server

import "errors"

// MachineMemory cannot tell.
func MachineMemory() (int64, error) { return 0, errors.New("not known on this system") }
