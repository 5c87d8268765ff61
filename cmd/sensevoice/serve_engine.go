package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"sensevoice/internal/batch"
	"sensevoice/internal/config"
	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/gpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/lang"
	"sensevoice/internal/metrics"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/server"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/vad"
	"sensevoice/internal/worker"
)

// engines are the model, what computes it, and the queue in front.
type engines struct {
	model   *modelstore.Model
	engine  *cpu.Engine
	workers *worker.Pool // nil where this process computes
	queue   *batch.Scheduler
	vad     *vad.Model
	device  string
	reason  string // why it is not a GPU
	gpus    gpu.Settings
	shares  server.Shares
	metrics *metrics.Metrics
}

// openEngines opens the model on the device that the settings choose.
func (p *program) openEngines(ctx context.Context, c *config.Config, sources *config.Sources, log *slog.Logger) (_ *engines, err error) {
	e := &engines{}
	fraction := c.GPUFraction
	if fraction == config.DefaultGPUFraction {
		fraction = gpu.DefaultFraction()
	}
	if e.gpus, err = gpu.NewSettings(c.Device, fraction, int64(c.GPUHeadroom), gpuVariables(sources)); err != nil {
		return nil, usageError{err}
	}
	if e.device, e.reason, err = p.chooseDevice(ctx, e.gpus, log); err != nil {
		return nil, err
	}
	kernels, err := kernel.Select(p.getenv("SENSEVOICE_CPU"))
	if err != nil {
		return nil, usageError{fmt.Errorf("SENSEVOICE_CPU: %w", err)}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close(0))
		}
	}()
	if e.engine, err = cpu.New(kernels, c.Threads); err != nil {
		return nil, usageError{fmt.Errorf("--threads (SENSEVOICE_THREADS): %w", err)}
	}
	start := time.Now()
	if e.model, err = p.openModel(c.Model); err != nil {
		return nil, err
	}
	if e.vad, err = openVAD(kernels); err != nil {
		return nil, err
	}
	recognizer, err := transcribe.NewRecognizer(e.model, e.engine)
	if err != nil {
		return nil, err
	}
	if e.shares, err = server.Divide(int64(c.MaxMemory), e.base(), server.MachineMemory); err != nil {
		return nil, err
	}
	holdMemory(e.shares)
	var computers []batch.Computer
	if c.Isolate {
		one, err := e.isolate(recognizer, log)
		if err != nil {
			return nil, err
		}
		computers = append(computers, one)
	}
	e.metrics = metrics.New(version, e.model.Name, e.device)
	e.queue, err = batch.New(batch.Options{
		Recognizers: []*transcribe.Recognizer{recognizer}, Computers: computers, MaxBatchSegments: c.BatchSize, MaxArenaBytes: e.shares.Arena,
		MaxQueueBytes: e.shares.Queue, MaxQueueSeconds: c.MaxQueue.Seconds(), MaxWait: c.MaxWait, Observer: e.metrics,
	})
	if err != nil {
		return nil, err
	}
	log.Info("model", "name", e.model.Name, "precision", e.model.Precision(), "device", e.device, "instructions", kernels.ISA().String(),
		"threads", e.engine.Threads(), "load_ms", time.Since(start).Milliseconds(), "memory_limit_mib", e.shares.Limit>>20, "memory_base_mib", e.shares.Base>>20)
	return e, nil
}

// chooseDevice decides where to compute, and returns why it is not a GPU where that was asked for. This version computes on the CPU
// alone, and says so.
func (p *program) chooseDevice(ctx context.Context, s gpu.Settings, log *slog.Logger) (device, reason string, err error) {
	language, err := p.language()
	if err != nil {
		return "", "", err
	}
	switch s.Selection.Mode {
	case gpu.CPU:
		return "cpu", "", nil
	case gpu.Auto:
		d, err := gpu.Choose(ctx, s, p.gpuPrice())
		if err == nil && len(d.Chosen) > 0 {
			d, err = d.OnCPU(gpu.NoEngine)
		}
		if err != nil {
			return "", "", err
		}
		for _, line := range d.Lines(language) {
			log.Info("device", "device", "cpu", "message", line)
		}
		return "cpu", d.Reason.In(language), nil
	}
	return "", "", usageError{errors.New(lang.Sprintf(
		"--device (SENSEVOICE_DEVICE) is %[1]q, and this version has no GPU engine: set cpu, or auto for the CPU until there is one",
		"--device (SENSEVOICE_DEVICE) 为 %[1]q，但此版本尚不支持GPU：请设为 cpu 或 auto", s.Selection.String()).In(language))}
}

// openVAD opens the network that finds speech.
func openVAD(kernels *kernel.Set) (*vad.Model, error) {
	w, err := modelstore.EmbeddedVAD()
	if err != nil {
		return nil, err
	}
	return vad.New(w, nil, kernels)
}

// base is what the process takes without requests, in bytes: what it takes now, and the weights, which are read from their file as
// they are used.
func (e *engines) base() int64 {
	base := server.Resident()
	if info, err := os.Stat(e.model.Weights.Path); err == nil {
		base += info.Size()
	}
	return base
}

// close ends the queue, which gets a while to finish, and frees the rest.
func (e *engines) close(patience time.Duration) (err error) {
	if e.queue != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err = e.queue.Close(ctx)
	}
	if e.workers != nil {
		e.workers.Close()
	}
	if e.engine != nil {
		e.engine.Close()
	}
	if e.model != nil {
		err = errors.Join(err, e.model.Close())
	}
	return err
}
