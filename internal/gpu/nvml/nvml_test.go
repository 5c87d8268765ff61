//go:build linux && (amd64 || arm64)

package nvml

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/clib"
	"sensevoice/internal/cuda/stub"
)

const patience = 10 * time.Second // of tests in which nothing hangs

// machine is shared by the tests of this process: the libraries map it once.
var machine *stub.Machine

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nvml")
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

// open makes the machine have these GPUs and opens the library.
func open(t *testing.T, gpus ...stub.GPU) *Library {
	t.Helper()
	if machine == nil {
		t.Skip(stub.ErrNoCompiler)
	}
	if err := machine.Reset(gpus...); err != nil {
		t.Fatal(err)
	}
	l, err := Open([]string{machine.Libraries.NVML}, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func handle(t *testing.T, l *Library, i int) Handle {
	t.Helper()
	h, err := l.ByIndex(i)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const gib = 1 << 30

func card() stub.GPU {
	return stub.GPU{
		Name: "NVIDIA GeForce RTX 4090", Total: 24 * gib, Reserved: 300 << 20, Utilisation: 37, Temp: 61,
		Processes: []stub.Process{{PID: 4242, Bytes: 7 * gib, Name: "python3"}, {PID: 4243, Bytes: 2 * gib, Name: "ollama"}, {PID: 1<<22 - 1, Bytes: 1 * gib, Name: "x"}},
	}
}

func TestFacts(t *testing.T) {
	l := open(t, stub.GPU{Name: "A"}, card())
	h := handle(t, l, 1)
	if n, err := l.Count(); n != 2 || err != nil {
		t.Errorf("%d GPUs, %v", n, err)
	}
	for _, c := range []struct {
		want string
		get  func() (string, error)
	}{
		{"550.54.15", l.DriverVersion},
		{"12.550.54.15", l.Version},
		{stub.UUID(1), func() (string, error) { return l.UUID(h) }},
		{"NVIDIA GeForce RTX 4090", func() (string, error) { return l.Name(h) }},
		{"00000000:11:00.0", func() (string, error) { return l.PCIBusID(h) }},
		{"ollama", func() (string, error) { return l.ProcessName(4243) }},
	} {
		if got, err := c.get(); got != c.want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
	if v, err := l.CUDAVersion(); v != 12040 || err != nil {
		t.Errorf("CUDA %d, %v", v, err)
	}
	if u, err := l.Utilisation(h); u != 37 || err != nil {
		t.Errorf("utilisation %d, %v", u, err)
	}
	if c, err := l.Temperature(h); c != 61 || err != nil {
		t.Errorf("temperature %d, %v", c, err)
	}
	if major, minor, err := l.ComputeCapability(h); major != 8 || minor != 9 || err != nil {
		t.Errorf("compute capability %d.%d, %v", major, minor, err)
	}
	want := Memory{Total: 24 * gib, Reserved: 300 << 20, Used: 10 * gib, Free: 14*gib - 300<<20}
	if m, err := l.Memory(h); m != want || err != nil {
		t.Errorf("%+v, %v, want %+v", m, err, want)
	}
	if _, err := l.ProcessName(1); !Is(err, NotFound) {
		t.Errorf("name of a process elsewhere: %v", err)
	}
}

// TestStrides reads process lists of drivers that write entries of three sizes.
func TestStrides(t *testing.T) {
	want := []Process{{4242, 7 * gib, true}, {4243, 2 * gib, true}, {1<<22 - 1, 1 * gib, true}}
	for _, stride := range []uint64{16, 24, 32} {
		l := open(t, card(), stub.GPU{Name: "idle", Total: gib})
		machine.SetStride(stride)
		if got, err := l.Processes(handle(t, l, 0)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("entries of %d bytes: %+v, %v", stride, got, err)
		}
		if got, err := l.Processes(handle(t, l, 1)); err != nil || len(got) != 0 {
			t.Errorf("idle GPU: %+v, %v", got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3}, 2)
	f.Fuzz(func(t *testing.T, written []byte, count int) {
		if count < 0 || count > 64 {
			return
		}
		entries := make([]byte, count*largestEntry+64)
		for i := range entries {
			entries[i] = untouched
		}
		copy(entries, written)
		list := decode(entries, count)
		if len(list) != count || (count > 0 && list[0].PID != binary.LittleEndian.Uint32(entries)) {
			t.Errorf("%d entries of %d", len(list), count)
		}
	})
}

// TestUnknownUse is a driver that lists who but not how much.
func TestUnknownUse(t *testing.T) {
	l := open(t, stub.GPU{Total: gib, Processes: []stub.Process{{PID: 77, Bytes: 1<<64 - 1, Name: "vgpu"}}})
	if got, err := l.Processes(handle(t, l, 0)); err != nil || len(got) != 1 || got[0].Known {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMIG(t *testing.T) {
	l := open(t, stub.GPU{Name: "H100", Total: 80 * gib, Flags: stub.MIGEnabled, MIGCount: 3, MIGBytes: 10 * gib}, stub.GPU{Name: "plain"})
	instances, cut, err := l.Instances(handle(t, l, 0))
	if len(instances) != 3 || !cut || err != nil {
		t.Fatalf("%v, %v, %v", instances, cut, err)
	}
	if id, err := l.UUID(instances[1]); err != nil || !strings.HasPrefix(id, "MIG-") {
		t.Errorf("%q, %v", id, err)
	}
	if m, err := l.Memory(instances[1]); m.Total != 10*gib || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
	if instances, cut, err := l.Instances(handle(t, l, 1)); len(instances) != 0 || cut || err != nil {
		t.Errorf("plain GPU: %v, %v, %v", instances, cut, err)
	}
}

// TestRefusals meets what drivers say no with.
func TestRefusals(t *testing.T) {
	l := open(t, stub.GPU{Total: gib, Flags: stub.NoMemoryInfo}, card())
	if _, err := l.Memory(handle(t, l, 0)); !Is(err, NotSupported) {
		t.Errorf("memory of a chip that shares the host's: %v", err)
	}
	h := handle(t, l, 1)
	machine.SetFlags(1, stub.Lost)
	_, err := l.Memory(h)
	if !Is(err, GPUIsLost) || err.Error() != "nvmlDeviceGetMemoryInfo_v2: GPU is lost (NVML 15)" {
		t.Errorf("a lost GPU: %v", err)
	}
	if err := l.call("nvmlNoSuchFunction"); !Is(err, FunctionNotFound) {
		t.Errorf("%v", err)
	}
}

func TestEvents(t *testing.T) {
	l := open(t, card(), card())
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan Event, 2)
	ended := make(chan error)
	handles := []Handle{handle(t, l, 0), handle(t, l, 1)}
	go func() { ended <- l.Events(ctx, handles, func(e Event) { seen <- e }) }()
	machine.SetXid(1, 79)
	if e := <-seen; e.Handle != handles[1] || e.Xid != 79 {
		t.Errorf("%+v", e)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestHang has every call in turn not return: an error in good time, and silence afterwards.
func TestHang(t *testing.T) {
	for _, function := range []string{"nvmlInit_v2", "nvmlDeviceGetMemoryInfo_v2"} {
		l := open(t, card())
		h := handle(t, l, 0)
		machine.Add(stub.Rule{Function: function, From: machine.Calls(function) + 1, Count: stub.Always, Action: stub.Hang})
		l, err := Open([]string{machine.Libraries.NVML}, 50*time.Millisecond)
		if err == nil {
			_, err = l.Memory(h)
		}
		var hang *clib.HangError
		if !errors.As(err, &hang) || hang.Call != function {
			t.Errorf("%s hangs: %v", function, err)
		}
	}
}

func TestMissing(t *testing.T) {
	var missing *clib.NotFoundError
	if _, err := Open([]string{"/nowhere/libnvidia-ml.so.1"}, patience); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}
