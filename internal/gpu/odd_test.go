//go:build linux && (amd64 || arm64)

package gpu_test

import (
	"strings"
	"testing"

	"sensevoice/internal/cuda/stub"
	"sensevoice/internal/gpu"
)

// TestOddMachines reads what drivers say in containers, under shims and on chips that share the host's memory.
func TestOddMachines(t *testing.T) {
	_, s := machine(
		t,
		stub.GPU{Name: "lost", Total: 24 * gib, Flags: stub.Lost, Ordinal: 0},
		stub.GPU{Name: "shim", Total: 24 * gib, Flags: stub.WrongFree, Ordinal: 1, Processes: []stub.Process{{PID: 7, Bytes: 20 * gib, Name: "other"}}},
		stub.GPU{Name: "blind", Total: 24 * gib, Flags: stub.NoPIDs | stub.HiddenNames, Ordinal: 3, Processes: []stub.Process{{PID: 9, Bytes: 22 * gib}}},
		stub.GPU{Name: "cut", Total: 80 * gib, Flags: stub.MIGEnabled, MIGCount: 2, MIGBytes: 10 * gib, Ordinal: 2},
		stub.GPU{Name: "integrated", Total: 24 * gib, Flags: stub.NoMemoryInfo, Ordinal: 4},
	)
	seen := gpu.Look(t.Context(), s.Helper)
	if len(seen.Devices) != 6 || !seen.Devices[5].Integrated || seen.Devices[5].Total == 0 {
		t.Fatalf("%+v", seen.Devices)
	}
	shim, blind, cut, instance := seen.Devices[0], seen.Devices[1], seen.Devices[2], seen.Devices[3]
	if shim.Free != 4*gib || shim.Ordinal != 1 {
		t.Errorf("shim: %+v", shim)
	}
	if blind.Free != 2*gib || len(blind.Processes) != 0 {
		t.Errorf("blind: %+v", blind)
	}
	if !cut.Cut || instance.Parent != cut.UUID || instance.Total != 10*gib || !strings.HasPrefix(instance.UUID, "MIG-") {
		t.Errorf("cut: %+v, %+v", cut, instance)
	}
	if len(seen.Problems) != 2 || seen.Problems[0].Code != gpu.ProblemPartly || seen.Problems[1].Code != gpu.ProblemMemory || seen.Blocking() != nil {
		t.Errorf("%+v", seen.Problems)
	}
}

// TestWatcher looks again and again through one helper, hears of faults, and starts another helper after one that died or hangs.
func TestWatcher(t *testing.T) {
	t.Setenv("TEST_DEADLINE", "200ms")
	m, s := machine(t, stub.GPU{Name: "card", Total: 24 * gib})
	w := gpu.NewWatcher(s.Helper)
	defer w.Close()
	look := func() *gpu.Snapshot { return w.Look(t.Context()) }
	if seen := look(); len(seen.Devices) != 1 || seen.Devices[0].Free != 24*gib {
		t.Fatalf("%+v", seen)
	}
	m.SetOther(0, 20*gib)
	m.SetXid(0, 31)
	for seen := look(); len(seen.Devices) != 1 || len(seen.Devices[0].Xids) == 0; seen = look() {
		if t.Context().Err() != nil || len(seen.Problems) > 0 {
			t.Fatalf("%+v", seen)
		}
	}
	if seen := look(); seen.Devices[0].Free != 4*gib || seen.Devices[0].Xids[0] != 31 || m.Calls("nvmlInit_v2") != 1 {
		t.Errorf("%+v", seen)
	}
	m.Add(stub.Rule{Function: "nvmlDeviceGetName", From: m.Calls("nvmlDeviceGetName") + 1, Count: 1, Action: stub.Exit, Value: 3})
	if seen := look(); seen.Blocking() == nil || seen.Blocking().Code != gpu.ProblemHelper {
		t.Errorf("a helper that died: %+v", seen)
	}
	if seen := look(); len(seen.Devices) != 1 || m.Calls("nvmlInit_v2") != 2 {
		t.Errorf("after it: %+v", seen)
	}
	m.Add(stub.Rule{Function: "nvmlDeviceGetName", From: m.Calls("nvmlDeviceGetName") + 1, Count: 1, Action: stub.Hang})
	if seen := look(); seen.Blocking() == nil || seen.Blocking().Code != gpu.ProblemNVMLHang {
		t.Errorf("a driver that hangs: %+v", seen)
	}
}
