package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"

	"sensevoice/internal/batch"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/server"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/worker"
	"sensevoice/internal/worker/compute"
)

// workerCommand is the process that computes for a server which keeps that apart from itself.
type workerCommand struct {
	Model   string `required:"" help:"Model: a name, or the path of a model file or folder."`
	Threads int    `default:"0" help:"CPU threads; 0 for all that this process may use."`
}

// Run takes batches from the server until that is gone.
func (c *workerCommand) Run(p *program) error {
	return worker.Serve(func() (worker.Handler, error) {
		kernels, err := kernel.Select(p.getenv("SENSEVOICE_CPU"))
		if err != nil {
			return nil, err
		}
		engine, err := cpu.New(kernels, c.Threads)
		if err != nil {
			return nil, err
		}
		model, err := p.openModel(c.Model)
		if err != nil {
			return nil, err
		}
		recognizer, err := transcribe.NewRecognizer(model, engine)
		if err != nil {
			return nil, err
		}
		return compute.New(recognizer.Network(), engine.Release), nil
	})
}

// freeOnSignal gives back memory whenever the process is told to (SIGUSR1): workers theirs, between two batches, and the process what its
// garbage collector keeps for later.
func (e *engines) freeOnSignal(ctx context.Context, log *slog.Logger) {
	onSignal(ctx, freeSignals, func() {
		before := server.Resident()
		if e.workers != nil {
			if err := e.workers.GiveBack(2); err != nil {
				log.Warn("memory is not given back", "error", err)
			}
		}
		debug.FreeOSMemory()
		log.Info("memory given back", "resident_before_mib", before>>20, "resident_mib", server.Resident()>>20)
	})
}

// isolate starts the process that computes for the recognizer. While it is not up, this process computes itself.
func (e *engines) isolate(r *transcribe.Recognizer, log *slog.Logger) (batch.Computer, error) {
	if !worker.Supported {
		return nil, usageError{errors.New("--isolate (SENSEVOICE_ISOLATE) needs Linux")}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := []string{self, "worker", "--model", e.model.Name, "--threads", strconv.Itoa(e.engine.Threads())}
	e.workers = worker.Start(worker.PoolOptions{
		Workers:  []worker.Options{{Name: "cpu", Command: command, Log: log}},
		Fallback: compute.Local{Handler: compute.New(r.Network(), e.engine.Release)}, Deadline: compute.Deadline,
	})
	return compute.Remote{Workers: e.workers}, nil
}
