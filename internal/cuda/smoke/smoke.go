//go:build linux && (amd64 || arm64)

// Package smoke is first light on a GPU: in less than a minute it says what the driver says, holds the arena's bytes against the driver's, times growing
// and giving back, and runs the kernels against double precision. It takes about 1 GB of the GPU while it runs.
package smoke

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sensevoice/internal/cuda"
	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/cuda/kernel"
	"sensevoice/internal/cuda/mem"
	"sensevoice/internal/sensevoice"
)

// Options say what to run on.
type Options struct {
	CUDA   string            // file of libcuda; "" is where it usually is
	Device int               // among the visible ones
	Free   map[string]uint64 // bytes that were free before, by NVML, of each GPU by UUID
	Blocks bool              // hold memory in blocks although the device can map
}

const mib = 1 << 20

// run is one smoke test.
type run struct {
	out    io.Writer
	device *cuda.Device
	failed int
}

// Run does all, writes a line for each finding, and returns an error if anything was wrong. It locks its goroutine to its thread for good.
func Run(out io.Writer, o Options) error {
	l, err := driver.Open(driver.Search(o.CUDA))
	if err != nil {
		return err
	}
	if err := l.Init(); err != nil {
		return err
	}
	version, err := l.Version()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "driver  %s, CUDA %d.%d\n", l.Path, version/1000, version%1000/10)
	first, err := l.Device(o.Device)
	if err != nil {
		return err
	}
	uuid, err := l.UUID(first)
	if err != nil {
		return err
	}
	start := time.Now()
	d, err := cuda.Open(l, o.Device, o.Free[uuid], cuda.Options{Blocks: o.Blocks})
	if err != nil {
		return err
	}
	r := &run{out: out, device: d}
	fmt.Fprintf(out, "device  %s %s, context in %v, taking %d MiB, memory in units of %d KiB\n", d.Name, d.UUID, since(start), d.Overhead/mib, d.Granularity()>>10)
	if err := errors.Join(r.memory(), r.kernels(), d.Close()); err != nil {
		if cuda.Fatal(err) {
			fmt.Fprintln(out, "the context is broken:", err)
			os.Exit(70)
		}
		return err
	}
	if r.failed > 0 {
		return fmt.Errorf("%d checks failed", r.failed)
	}
	fmt.Fprintln(out, "all well")
	return nil
}

func since(t time.Time) time.Duration { return time.Since(t).Round(10 * time.Microsecond) }

// check writes a finding, and counts it if it is wrong.
func (r *run) check(ok bool, format string, args ...any) {
	sign := "ok     "
	if !ok {
		sign = "WRONG  "
		r.failed++
	}
	fmt.Fprintf(r.out, sign+" "+format+"\n", args...)
}

// memory takes the model's arena, grows, gives back, and compares each step with what the driver says is free. Others who take or free memory
// meanwhile show as a difference.
func (r *run) memory() error {
	c := sensevoice.Released()
	free, total, err := r.device.Info()
	if err != nil {
		return err
	}
	limits := mem.Limits{
		Cap: total, Headroom: 256 * mib, Overhead: r.device.Overhead,
		Weights: mem.WeightBytes(c, mem.FP16), Floor: mem.WorkspaceBytes(c, mem.FP16, mem.LongestRows),
	}
	start := time.Now()
	a, err := mem.Open(r.device, limits, start)
	if err != nil {
		return err
	}
	before := free
	step := func(what string) error {
		now, _, err := r.device.Info()
		if err != nil {
			return err
		}
		held := a.Stats().Held
		r.check(before-now == held, "%s in %v: the arena holds %d MiB, the driver misses %d KiB more", what, since(start), held/mib, int64(before-now-held)>>10) //nolint:gosec // a difference
		return nil
	}
	failed := []error{step("weights and floor")}
	for _, rows := range []int{8 * 171, 64 * 171, 16384} {
		start = time.Now()
		w, err := a.Admit(mem.WorkspaceBytes(c, mem.FP16, rows), start)
		if err == nil {
			err = r.fill(w)
		}
		failed = append(failed, err, step(fmt.Sprintf("growing to %d rows", rows)), a.Done(time.Now()))
	}
	start = time.Now()
	failed = append(failed, a.GiveBack(mem.Trim), step("giving the elastic part back"))
	start = time.Now()
	failed = append(failed, a.GiveBack(mem.Sleep), step("giving all back"))
	return errors.Join(append(failed, a.Close())...)
}

// fill writes to the last bytes of a workspace: what is not there would break the context here.
func (r *run) fill(w mem.Workspace) error {
	l, s := r.device.Driver(), r.device.Stream
	return errors.Join(l.Fill(driver.Address(w.Address+w.Bytes-mib), 0xff, mib, s), l.Wait(s))
}

// kernels loads the image and runs each kernel once.
func (r *run) kernels() error {
	start := time.Now()
	k, err := kernel.Load(r.device.Driver(), r.device.Stream)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "kernels loaded in %v\n", since(start))
	free, _, err := r.device.Info()
	if err != nil {
		return err
	}
	b := &bench{run: r, set: k}
	for _, try := range []func() error{b.front, b.norm, b.products, b.argMax, b.attention, b.memory} {
		if err := errors.Join(try(), b.release()); err != nil {
			return err
		}
	}
	after, _, err := r.device.Info()
	r.check(after == free, "running all kernels took %d KiB of device memory", int64(free-after)>>10) //nolint:gosec // a difference
	return errors.Join(err, k.Close())
}
