package main

import (
	"fmt"
	"os"
	"strconv"

	"sensevoice/internal/config"
	"sensevoice/internal/cuda/mem"
	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
	"sensevoice/internal/sensevoice"
)

type gpuCommand struct {
	Check gpuCheckCommand `cmd:"" help:"Show the GPUs, who uses them, and which one to take."`
	Watch gpuWatchCommand `cmd:"" help:"Follow the GPUs' memory and processes."`
	Free  gpuFreeCommand  `cmd:"" help:"Ask a running server to give GPU memory back."`
}

// gpuSettings are the server's settings of GPUs, from where the server has them. A device that is named on the command line counts first.
func (p *program) gpuSettings(device string) (gpu.Settings, error) {
	file := p.getenv("SENSEVOICE_ENV_FILE")
	if file == "" {
		file = config.DefaultDotEnv
	}
	sources, err := config.Open(p.getenv, file, p.getenv("SENSEVOICE_CONFIG"), config.Keys())
	if err != nil {
		return gpu.Settings{}, err
	}
	if v, found := sources.Lookup([]string{"SENSEVOICE_DEVICE"}, "device"); found && device == "" {
		device = v.Text
	}
	fraction, headroom := gpu.DefaultFraction(), config.Auto
	if v, found := sources.Lookup([]string{"SENSEVOICE_GPU_MEMORY_FRACTION"}, "gpu_memory_fraction"); found {
		if fraction, err = strconv.ParseFloat(v.Text, 64); err != nil {
			return gpu.Settings{}, usageError{fmt.Errorf("%s: %q is no number", v.Origin, v.Text)}
		}
	}
	if v, found := sources.Lookup([]string{"SENSEVOICE_GPU_HEADROOM"}, "gpu_headroom"); found {
		if err := headroom.UnmarshalText([]byte(v.Text)); err != nil {
			return gpu.Settings{}, usageError{fmt.Errorf("%s: %w", v.Origin, err)}
		}
	}
	s, err := gpu.NewSettings(device, fraction, int64(headroom), gpuVariables(sources))
	if err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// gpuVariables looks up what CUDA and PyTorch read: set and empty means something to CUDA.
func gpuVariables(sources *config.Sources) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if v, set := os.LookupEnv(name); set {
			return v, true
		}
		v := sources.Getenv(name)
		return v, v != ""
	}
}

// gpuPrice is what the released model takes of a GPU at the precision that the server would use.
func (p *program) gpuPrice() gpu.Price { return mem.Price(sensevoice.Released(), mem.FP16) }

// language is what messages for people are in.
func (p *program) language() (lang.Language, error) {
	l, err := lang.FromEnv(p.getenv)
	if err != nil {
		return l, usageError{err}
	}
	return l, nil
}
