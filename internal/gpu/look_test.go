//go:build linux && (amd64 || arm64)

package gpu_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sensevoice/internal/cuda/stub"
	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/survey"
	"sensevoice/internal/lang"
)

const gib = 1 << 30

// total is what a 24 GB card shows: 23.53 GiB.
var total = uint64(gib / 100 * 2353)

// TestMain is the helper program too: started with the argument "look" or "watch" it does what sensevoice-gpu does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == "look" || os.Args[1] == "watch") {
		os.Unsetenv("CUDA_VISIBLE_DEVICES")
		deadline, _ := time.ParseDuration(os.Getenv("TEST_DEADLINE")) // else the real one
		o := survey.Options{NVML: os.Getenv("SENSEVOICE_NVML"), CUDA: os.Getenv("SENSEVOICE_LIBCUDA"), Deadline: deadline}
		var err error
		if os.Args[1] == "look" {
			err = json.NewEncoder(os.Stdout).Encode(survey.Open(o).Look())
		} else {
			err = survey.Serve(o, os.Stdin, os.Stdout)
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// machine makes the processes that this test starts see a stub machine, and settings whose helper is this program.
func machine(t *testing.T, gpus ...stub.GPU) (*stub.Machine, gpu.Settings) {
	t.Helper()
	m, err := stub.New(t.TempDir(), gpus...)
	if errors.Is(err, stub.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for _, pair := range m.Env() {
		key, value, _ := strings.Cut(pair, "=")
		t.Setenv(key, value)
	}
	s, err := gpu.NewSettings("auto", 0.95, -1, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if s.Helper, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	return m, s
}

// reported are eight 24 GB cards as in an operator's report: nearly all taken by other services, card 4 with 4.33 GiB free of 23.53.
func reported() []stub.GPU {
	var cards []stub.GPU
	for i, free := range []float64{0.31, 0.58, 1.12, 0.02, 4.33, 2.87, 0.44, 3.9} {
		taken := total - uint64(free*gib)
		cards = append(cards, stub.GPU{
			Name: "NVIDIA GeForce RTX 3090", Total: total, Ordinal: uint64(i), Utilisation: 97, Temp: 71,
			Processes: []stub.Process{
				{PID: uint64(3_000_000 + i), Bytes: taken - 512<<20, Name: "/usr/bin/python3"},
				{PID: uint64(3_100_000 + i), Bytes: 512 << 20, Name: "triton"},
			},
		})
	}
	return cards
}

var price = gpu.Price{Context: 512 << 20, Weights: 448 << 20, Floor: 8 << 20}

func TestOperatorsReport(t *testing.T) {
	m, s := machine(t, reported()...)
	d, err := gpu.Choose(t.Context(), s, price)
	if err != nil {
		t.Fatal(err)
	}
	want := "自动选择显存空闲最多的GPU: cuda:4 (空闲 4.33GB)\n设置显存使用上限为 95.0%\n显存管理设置完成（已启用expandable_segments避免碎片化）"
	if got := strings.Join(d.Lines(lang.Chinese), "\n"); got != want {
		t.Errorf("got\n%s\nproblems %v", got, d.Snapshot.Problems)
	}
	if d.Chosen[0].UUID != stub.UUID(4) || len(d.Chosen[0].Processes) != 2 || d.Chosen[0].Processes[1].Name != "triton" {
		t.Errorf("%+v", d.Chosen[0])
	}
	d.Claim.Release()
	m.SetOther(4, gib/100) // the neighbours leave
	d, err = gpu.Choose(t.Context(), s, price)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Claim.Release()
	if got := d.Lines(lang.English)[0]; got != "Chose the GPU with most free memory: cuda:4 (23.52GB free)" {
		t.Error(got)
	}
	for _, taken := range []string{"cuMemCreate", "cuMemAlloc_v2", "cuDevicePrimaryCtxRetain"} {
		if n := m.Calls(taken); n != 0 {
			t.Errorf("looking called %s %d times", taken, n)
		}
	}
}

// TestStartingTogether lets servers choose at the same moment on cards that have room for one each.
func TestStartingTogether(t *testing.T) {
	defer gpu.WaitForOthers(time.Minute)()
	cards := reported()
	for i := range cards { // as much as the price on each, and a little more on the lower ones
		cards[i].Processes = []stub.Process{{PID: 1, Bytes: cards[i].Total - price.Need() - uint64(100-i)<<20}}
	}
	_, s := machine(t, cards[:3]...)
	decisions := make([]*gpu.Decision, 4)
	var servers sync.WaitGroup
	for i := range decisions {
		servers.Go(func() {
			var err error
			if decisions[i], err = gpu.Choose(t.Context(), s, price); err != nil {
				t.Error(err)
			}
		})
	}
	servers.Wait()
	taken := map[string]int{}
	for _, d := range decisions {
		taken[d.Setting()]++
	}
	if want := "map[cpu:1 cuda:0:1 cuda:1:1 cuda:2:1]"; fmt.Sprint(taken) != want {
		t.Errorf("%v, want %s", taken, want)
	}
	for _, d := range decisions {
		d.Claim.Release()
	}
	if d, err := gpu.Choose(t.Context(), s, price); err != nil || d.Setting() != "cuda:0" {
		t.Errorf("after all have given back: %v, %v", d, err)
	} else {
		d.Claim.Release()
	}
}

// TestNoGPU starts where GPUs cannot be used, for every reason, and always reaches the CPU with one clear line. That a hang is told
// by name shows that the helper itself answered in time.
func TestNoGPU(t *testing.T) {
	always := func(function string, action, value uint64) stub.Rule {
		return stub.Rule{Function: function, From: 1, Count: stub.Always, Action: action, Value: value}
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, m *stub.Machine, s *gpu.Settings)
		want string
	}{
		"NVML hangs at start": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("nvmlInit_v2", stub.Hang, 0)) },
			"the NVIDIA driver does not answer: nvmlInit_v2 did not answer within",
		},
		"NVML hangs later": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) {
				m.Add(always("nvmlDeviceGetMemoryInfo_v2", stub.Hang, 0))
			},
			"the NVIDIA driver does not answer: nvmlDeviceGetMemoryInfo_v2 did not answer within",
		},
		"CUDA hangs": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("cuInit", stub.Hang, 0)) },
			"the CUDA driver does not answer: cuInit did not answer within",
		},
		"no libnvidia-ml": {
			func(t *testing.T, _ *stub.Machine, _ *gpu.Settings) {
				t.Setenv("SENSEVOICE_NVML", "/nowhere/libnvidia-ml.so.1")
			},
			"the NVIDIA driver's library libnvidia-ml.so.1 is not there",
		},
		"no libcuda": {
			func(t *testing.T, _ *stub.Machine, _ *gpu.Settings) {
				t.Setenv("SENSEVOICE_LIBCUDA", "/nowhere/libcuda.so.1")
			},
			"the CUDA driver library libcuda.so.1 is not there",
		},
		"stub libcuda": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("cuInit", stub.Fail, 34)) },
			"the CUDA driver cannot start: cuInit: stub library (CUDA 34)",
		},
		"driver too old": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.SetDriver("440.33", 10020) },
			"the NVIDIA driver is too old: it supports CUDA 10.2",
		},
		"updated without reboot": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("nvmlInit_v2", stub.Fail, 18)) },
			"updated without a reboot",
		},
		"container lost its devices": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("nvmlInit_v2", stub.Fail, 999)) },
			"in a container that has run for long",
		},
		"helper crashes": {
			func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.Add(always("nvmlInit_v2", stub.Exit, 70)) },
			"sensevoice-gpu failed: exit status 70",
		},
		"no helper": {
			func(_ *testing.T, _ *stub.Machine, s *gpu.Settings) { s.Helper = "/nowhere/sensevoice-gpu" },
			"the program that looks for GPUs, sensevoice-gpu, is not there (/nowhere/sensevoice-gpu)",
		},
		"helper is none": {func(t *testing.T, _ *stub.Machine, s *gpu.Settings) {
			s.Helper = filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(s.Helper, []byte("#!/bin/sh\necho hello\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "it does not answer in JSON"},
		"no GPUs":        {func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { _ = m.Reset() }, "the CUDA driver cannot start: cuInit: no device (CUDA 100)"},
		"all GPUs lost":  {func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.SetFlags(0, stub.Lost) }, "CUDA lists none of the GPUs"},
		"all GPUs taken": {func(_ *testing.T, m *stub.Machine, _ *gpu.Settings) { m.SetOther(0, 24*gib) }, "cuda:0: the model needs 0.95GB, and 0.00GB of 24.00GB is free"},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := machine(t, stub.GPU{Name: "card", Total: 24 * gib})
			if strings.Contains(name, "hangs") {
				t.Setenv("TEST_DEADLINE", "200ms")
			}
			c.do(t, m, &s)
			d, err := gpu.Choose(t.Context(), s, price)
			if err != nil {
				t.Fatal(err)
			}
			lines := d.Lines(lang.English)
			last := lines[len(lines)-1]
			if d.Setting() != "cpu" || !strings.HasPrefix(last, "No GPU can be used, the CPU serves: ") || !strings.Contains(last, c.want) {
				t.Errorf("%s: %q, want %q", d.Setting(), last, c.want)
			}
			s.Selection.Mode = gpu.Any
			if _, err := gpu.Choose(t.Context(), s, price); err == nil || !strings.Contains(err.Error(), "SENSEVOICE_DEVICE=cuda, and no GPU can be used: ") {
				t.Errorf("never the CPU: %v", err)
			}
		})
	}
}
