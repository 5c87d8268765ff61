package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"

	"sensevoice/internal/doctor"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/gpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
)

type doctorCommand struct {
	settings `hidden:""`
	JSON     bool `name:"json" help:"Print one JSON object a line."`
}

// Run looks at all that the server needs here, as its settings are, and ends with 1 if it could not start.
func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	l, err := p.language()
	if err != nil {
		return err
	}
	found := doctor.Examine(c.host(ctx, p))
	signs := map[doctor.Level]string{doctor.Good: "✓", doctor.Note: "·", doctor.Warning: "!", doctor.Bad: "✗"}
	for _, f := range found {
		if c.JSON {
			if err := json.NewEncoder(p.out).Encode(f); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(p.out, "%s %-10s %s\n", signs[f.Level], f.Subject, f.What.In(l))
		if !f.Fix.Empty() {
			fmt.Fprintf(p.out, "             → %s\n", f.Fix.In(l))
		}
	}
	if doctor.Worst(found) == doctor.Bad {
		return silentError{exitFailed}
	}
	return nil
}

// host gathers what the doctor looks at.
func (c *doctorCommand) host(ctx context.Context, p *program) *doctor.Host {
	h := &doctor.Host{
		Root: os.DirFS("/"), Getenv: p.getenv, LookPath: exec.LookPath, Price: p.gpuPrice(),
		Address: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Threads: c.Threads,
		Listen: func(address string) error {
			listener, err := net.Listen("tcp", address)
			if err == nil {
				err = listener.Close()
			}
			return err
		},
	}
	if h.Threads == 0 {
		h.Threads = cpu.DefaultThreads()
	}
	for _, isa := range kernel.Available() {
		h.ISAs = append(h.ISAs, isa.String())
	}
	h.Notes, h.Wrong = c.notes()
	settings, err := p.gpuSettings(c.Device)
	if err != nil && h.Wrong == nil {
		h.Wrong = err
	}
	h.Settings = settings
	h.GPU = gpu.Look(ctx, settings.Helper)
	h.Model = c.model(p)
	return h
}

// model looks at what would be loaded, and at its size.
func (c *doctorCommand) model(p *program) doctor.Model {
	store, err := p.store()
	if err != nil {
		return doctor.Model{Err: err}
	}
	m, err := store.Open(c.Model)
	if err != nil {
		return doctor.Model{Name: c.Model, Err: err}
	}
	defer m.Close()
	found := doctor.Model{Name: m.Name, Embedded: m.Name == modelstore.EmbeddedName}
	if info, err := os.Stat(m.Weights.Path); err == nil {
		found.Bytes = info.Size()
	}
	return found
}
