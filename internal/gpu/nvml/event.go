//go:build linux && (amd64 || arm64)

package nvml

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sensevoice/internal/clib"
)

// Event is a fault that the driver reports of a GPU.
type Event struct {
	Handle Handle
	Xid    uint64 // NVIDIA's catalogue of Xid errors: 79 is a GPU that has fallen off the bus
}

const xidEvents = 8 // nvmlEventTypeXidCriticalError

// Events waits for faults of the GPUs and sends each to report until ctx ends. Under MIG the whole GPUs have the events. It has a
// thread of its own, since waiting blocks.
func (l *Library) Events(ctx context.Context, gpus []Handle, report func(Event)) error {
	const wait = 500 * time.Millisecond
	thread := clib.NewThread(10 * wait)
	scratch, err := clib.NewMemory(4096)
	if err != nil {
		return err
	}
	call := func(function string, args ...uintptr) error {
		var result int32
		if err := thread.Do(function, func() { result = l.lib.Call(function, args...) }); err != nil {
			return err
		}
		if result != 0 {
			return &Error{function, Code(result)}
		}
		return nil
	}
	err = watch(ctx, call, scratch, gpus, report, wait)
	if hang := (*clib.HangError)(nil); !errors.As(err, &hang) {
		thread.Close()
		scratch.Close()
	}
	return err
}

func watch(ctx context.Context, call func(string, ...uintptr) error, m *clib.Memory, gpus []Handle, report func(Event), wait time.Duration) error {
	if err := call("nvmlEventSetCreate", m.Address(0)); err != nil {
		return err
	}
	set := uintptr(m.U64(0))
	registered := 0
	var refused error
	for _, gpu := range gpus {
		if err := call("nvmlDeviceRegisterEvents", uintptr(gpu), xidEvents, set); err == nil {
			registered++
		} else {
			refused = err
		}
	}
	if registered == 0 {
		return errors.Join(fmt.Errorf("no GPU reports faults: %w", refused), call("nvmlEventSetFree", set))
	}
	for ctx.Err() == nil {
		clear(m.Bytes[:32])
		switch err := call("nvmlEventSetWait_v2", set, m.Address(0), uintptr(wait.Milliseconds())); {
		case err == nil && m.U64(8) == xidEvents:
			report(Event{Handle(m.U64(0)), m.U64(16)})
		case err != nil && !Is(err, Timeout):
			return err
		}
	}
	return call("nvmlEventSetFree", set)
}
