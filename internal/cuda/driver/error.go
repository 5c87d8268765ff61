//go:build linux && (amd64 || arm64)

package driver

import (
	"errors"
	"fmt"
)

// Error is a call that the driver refused, or an earlier one's failure that it reports now.
type Error struct {
	Function string
	Code     Code
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Function, e.Code) }

// Code is a CUresult.
type Code int32

// Codes that callers tell apart.
const (
	InvalidValue  Code = 1
	OutOfMemory   Code = 2
	StubLibrary   Code = 34
	Busy          Code = 46
	NoDevice      Code = 100
	InvalidDevice Code = 101
	NoContext     Code = 201
	NotReady      Code = 600
	NotSupported  Code = 801
	Unknown       Code = 999
)

var codeNames = map[Code]string{
	1: "invalid value", 2: "out of memory", 3: "not initialised", 34: "stub library", 46: "device busy", 100: "no device", 101: "invalid device",
	200: "invalid image", 201: "invalid context", 209: "no binary for this GPU", 214: "uncorrectable ECC error", 218: "invalid PTX",
	220: "NVLink error", 221: "JIT compiler not found", 222: "PTX version not supported", 223: "JIT compilation disabled", 304: "operating system error",
	400: "invalid handle", 500: "not found", 600: "not ready", 700: "illegal address", 701: "too many resources for a launch", 702: "launch timed out",
	710: "assertion", 719: "launch failed", 801: "not supported", 802: "fabric manager not ready", 803: "driver and library differ",
	804: "compatibility not supported", 805: "MPS connection failed", 810: "MPS client terminated", 999: "unknown error",
}

// String names the code.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return fmt.Sprintf("%s (CUDA %d)", name, int32(c))
	}
	return fmt.Sprintf("CUDA error %d", int32(c))
}

// Class is what can be done about an error.
type Class uint8

// The classes.
const (
	Fault   Class = iota // our bug; the context is fine: fail the batch
	Memory               // nothing is broken: ask for less, or later
	Pending              // not finished: ask again
	Start                // cannot begin on this machine: the CPU serves, and the reason is said
	Fatal                // every later call of this process fails: the process must end
)

// Class returns what can be done about the code. Codes not known to leave the context intact are fatal.
func (c Code) Class() Class {
	switch c {
	case OutOfMemory:
		return Memory
	case NotReady:
		return Pending
	case InvalidValue, NoContext, 400, 500, 701, NotSupported, 200, 209, 218, 221, 222, 223:
		return Fault
	case 3, StubLibrary, Busy, NoDevice, InvalidDevice, 304, 802, 803, 804:
		return Start
	}
	return Fatal
}

// ClassOf returns the class of an error that a call returned. What is no error of the driver is a fault.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Code.Class()
	}
	return Fault
}

// Is tells whether an error has this code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
