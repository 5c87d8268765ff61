//go:build linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/cuda/mem"
	"sensevoice/internal/cuda/stub"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// machine is shared by the tests of this process: the library maps it once.
var machine *stub.Machine

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "sticky" {
		os.Exit(sticky(os.Args[2]))
	}
	dir, err := os.MkdirTemp("", "cuda")
	if err != nil {
		panic(err)
	}
	machine, err = stub.New(dir)
	switch {
	case errors.Is(err, stub.ErrNoCompiler):
		println("skipping the tests on the stub library:", err.Error())
	case err != nil:
		panic(err)
	default:
		for _, pair := range machine.Env() {
			key, value, _ := strings.Cut(pair, "=")
			os.Setenv(key, value)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// open makes the machine have one card and opens it.
func open(t *testing.T, g stub.GPU, o Options) *Device {
	t.Helper()
	if machine == nil {
		t.Skip(stub.ErrNoCompiler)
	}
	if err := machine.Reset(g); err != nil {
		t.Fatal(err)
	}
	l, err := driver.Open(driver.Search(machine.Libraries.CUDA))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Init(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(l, 0, g.Total, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func limits() mem.Limits {
	return mem.Limits{Cap: 22 * gib, Headroom: 720 * mib, Weights: 448 * mib, Floor: 7 * mib, Work: 180 * mib}
}

func modes(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("mapped", func(t *testing.T) { f(t, Options{}) })
	t.Run("blocks", func(t *testing.T) { f(t, Options{Blocks: true}) })
}

func TestDevice(t *testing.T) {
	d := open(t, stub.GPU{Name: "card", Total: 24 * gib}, Options{})
	if d.Name != "card" || d.UUID != stub.UUID(0) || d.Overhead != 400*mib || d.Granularity() != 2*mib {
		t.Errorf("%+v", d)
	}
	if err := d.Close(); err != nil || machine.Held(0) != 0 {
		t.Errorf("%v, %d bytes are left", err, machine.Held(0))
	}
	d = open(t, stub.GPU{Name: "old", Total: gib, Flags: stub.NoVMM}, Options{})
	if d.Granularity() != 0 {
		t.Errorf("a device that cannot map has units of %d", d.Granularity())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestContents writes over the whole workspace and reads it back, across the borders of pieces.
func TestContents(t *testing.T) {
	modes(t, func(t *testing.T, o Options) {
		d := open(t, stub.GPU{Total: 24 * gib}, o)
		a, err := mem.Open(d, limits(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		host, err := d.Driver().HostAlloc(40 * mib)
		if err != nil {
			t.Fatal(err)
		}
		for _, need := range []uint64{20 * mib, 40 * mib} {
			w, err := a.Admit(need, time.Now())
			if err != nil || w.Bytes < need {
				t.Fatalf("%+v, %v", w, err)
			}
			for i := range host {
				host[i] = byte(i * 7 >> 3)
			}
			at := driver.Address(w.Address)
			steps := []error{d.Driver().Fill(at, 0xff, need, d.Stream), d.Driver().Upload(at, host[:need], d.Stream), d.Driver().Wait(d.Stream)}
			clear(host)
			if err := errors.Join(append(steps, d.Driver().Download(host[:need], at, d.Stream), d.Driver().Wait(d.Stream))...); err != nil {
				t.Fatal(err)
			}
			for i, b := range host[:need] {
				if b != byte(i*7>>3) {
					t.Fatalf("byte %d is %d", i, b)
				}
			}
		}
		if err := errors.Join(d.Driver().HostFree(host), a.Close(), d.Close()); err != nil || machine.Held(0) != 0 {
			t.Errorf("%v, %d bytes are left", err, machine.Held(0))
		}
	})
}

// TestWalk runs 10,000 random batches while a neighbour walks between nothing and all memory, and takes some between the
// look and the allocation: no batch fails, the cap holds, and all memory comes back.
func TestWalk(t *testing.T) {
	modes(t, func(t *testing.T, o Options) {
		d := open(t, stub.GPU{Total: 24 * gib}, o)
		l := limits()
		l.Overhead = d.Overhead
		l.Cap = 1100 * mib
		a, err := mem.Open(d, l, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for k := range uint64(30) {
			machine.Add(stub.Rule{Function: "cuMemCreate", From: 10 + 5*k, Count: 1, Action: stub.Take, Value: 24 * gib})
			machine.Add(stub.Rule{Function: "cuMemAlloc_v2", From: 10 + 5*k, Count: 1, Action: stub.Take, Value: 24 * gib})
		}
		now, seed := time.Now(), uint64(1)
		random := func(n uint64) uint64 { seed = seed*6364136223846793005 + 1442695040888963407; return seed >> 33 % n }
		for i := range 10_000 {
			machine.SetOther(0, random(1001)*24*gib/1000)
			if w, err := a.Admit(random(300*mib), now); err != nil || w.Bytes < l.Floor {
				t.Fatalf("batch %d: %+v, %v", i, w, err)
			}
			if held := machine.Held(0); held > l.Cap {
				t.Fatalf("batch %d: %d bytes held, the cap is %d", i, held, l.Cap)
			}
			now = now.Add(time.Duration(random(3_000_000_000)))
			if err := errors.Join(a.Done(now), a.Tick(now)); err != nil {
				t.Fatalf("batch %d: %v", i, err)
			}
		}
		s := a.Stats()
		if s.Held+d.Overhead != machine.Held(0) || s.Refused == 0 || s.GivenBack == 0 || s.Smaller == 0 {
			t.Errorf("%+v, the device holds %d", s, machine.Held(0))
		}
		if err := errors.Join(a.Close(), d.Close()); err != nil || machine.Held(0) != 0 || machine.Err() != nil {
			t.Errorf("%v, %d bytes are left", err, machine.Held(0))
		}
	})
}

// allocating are the calls of the driver that can be refused for memory.
var allocating = []string{
	"cuDevicePrimaryCtxRetain", "cuStreamCreate", "cuMemAddressReserve", "cuMemCreate", "cuMemMap", "cuMemSetAccess", "cuMemAlloc_v2", "cuMemHostAlloc",
}

// TestEachAllocationFails refuses each allocation once, at every step from opening to the end of a batch: a batch that runs all the
// same, or a clear error, and never a leak.
func TestEachAllocationFails(t *testing.T) {
	modes(t, func(t *testing.T, o Options) {
		refusals := 0
		for _, function := range allocating {
			for k := uint64(1); ; k++ {
				calls, opened, err := oneBatch(t, o, stub.Rule{Function: function, From: k, Count: 1, Action: stub.Fail, Value: 2})
				if calls < k {
					break
				}
				refusals++
				if opened && err != nil && function != "cuMemHostAlloc" {
					t.Errorf("%s %d: the batch failed: %v", function, k, err)
				}
				if !opened && !errors.Is(err, mem.ErrRefused) {
					t.Errorf("%s %d: not told as a refusal: %v", function, k, err)
				}
				if held := machine.Held(0); held != 0 {
					t.Errorf("%s %d: %d bytes are left (%v)", function, k, held, err)
				}
			}
		}
		if refusals < 5 {
			t.Errorf("only %d refusals", refusals)
		}
	})
}

// oneBatch opens a card and an arena, runs a batch and closes all, under a rule.
func oneBatch(t *testing.T, o Options, r stub.Rule) (calls uint64, opened bool, err error) {
	t.Helper()
	if machine == nil {
		t.Skip(stub.ErrNoCompiler)
	}
	if err := machine.Reset(stub.GPU{Total: 24 * gib}); err != nil {
		t.Fatal(err)
	}
	machine.Add(r)
	defer func() { calls = machine.Calls(r.Function) }()
	l, err := driver.Open(driver.Search(machine.Libraries.CUDA))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Init(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(l, 0, 24*gib, o)
	if err != nil {
		return 0, false, err
	}
	a, err := mem.Open(d, limits(), time.Now())
	if err != nil {
		return 0, false, errors.Join(err, d.Close())
	}
	_, err = a.Admit(100*mib, time.Now())
	return 0, true, errors.Join(err, a.Done(time.Now()), a.Close(), d.Close())
}
