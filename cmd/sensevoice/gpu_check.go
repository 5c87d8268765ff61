package main

import (
	"context"
	"encoding/json"

	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/screen"
)

type gpuCheckCommand struct {
	Device string `help:"Check this setting instead of SENSEVOICE_DEVICE: auto, cuda, cuda:N, cuda:all."`
	JSON   bool   `name:"json" help:"Print one JSON object."`
}

// checkedGPUs is what gpu check --json prints.
type checkedGPUs struct {
	*gpu.Snapshot
	Device string `json:"device"` // to set SENSEVOICE_DEVICE to; "" if the setting cannot be met
	Need   uint64 `json:"need"`   // bytes of the model and one longest segment
	Reason string `json:"reason,omitempty"`
}

// Run looks at the machine, and ends with 1 if no GPU can be used as the settings are.
func (c *gpuCheckCommand) Run(ctx context.Context, p *program) error {
	l, err := p.language()
	if err != nil {
		return err
	}
	s, err := p.gpuSettings(c.Device)
	if err != nil {
		return err
	}
	if s.Selection.Mode == gpu.CPU { // what GPUs there are is the question all the same
		s.Selection.Mode = gpu.Auto
	}
	seen := gpu.Look(ctx, s.Helper)
	d, refused := gpu.Decide(seen, s, p.gpuPrice(), gpu.Claims())
	if c.JSON {
		out := checkedGPUs{Snapshot: seen, Need: p.gpuPrice().Need()}
		if refused != nil {
			out.Reason = refused.Error()
		} else {
			out.Device, out.Reason = d.Setting(), d.Reason.In(l)
		}
		err = json.NewEncoder(p.out).Encode(out)
	} else {
		screen.Check(p.out, l, seen, s, d, refused)
	}
	if err == nil && (refused != nil || len(d.Chosen) == 0) {
		err = silentError{exitFailed}
	}
	return err
}
