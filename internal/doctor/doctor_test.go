package doctor

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

const gib = 1 << 30

// healthy is a machine with one free card, and all that a server needs.
func healthy() *Host {
	return &Host{
		Root:   fstest.MapFS{"proc/self/limits": file("Limit  Soft Limit  Hard Limit  Units\nMax open files            65536   65536   files\nMax address space         unlimited            unlimited            bytes\n")},
		Getenv: func(string) string { return "" }, LookPath: func(string) (string, error) { return "/usr/bin/ffmpeg", nil }, Listen: func(string) error { return nil },
		GPU:      &gpu.Snapshot{Driver: "550.54", NVML: "12.550.54", CUDA: 12040, Devices: []gpu.Device{{UUID: "GPU-a", Name: "RTX 4090", Total: 24 * gib, Free: 20 * gib}}},
		Settings: gpu.Settings{Fraction: 0.95}, Price: gpu.Price{Weights: gib},
		Address: ":50000", Model: Model{Name: "sensevoice-small", Bytes: 936 << 20}, ISAs: []string{"portable", "avx2"}, Threads: 8,
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func env(pairs map[string]string) func(string) string {
	return func(k string) string { return pairs[k] }
}

func TestHealthy(t *testing.T) {
	found := Examine(healthy())
	if Worst(found) != Good || len(found) < 6 {
		t.Errorf("%+v", found)
	}
}

// TestFindings makes one thing wrong at a time. Each finding that is not good has its remedy, in both languages.
func TestFindings(t *testing.T) {
	root := func(h *Host, path, text string) { h.Root.(fstest.MapFS)[path] = file(text) }
	for name, c := range map[string]struct {
		do    func(h *Host)
		level Level
		want  string
	}{
		"no driver, none wanted": {func(h *Host) { h.GPU = &gpu.Snapshot{Problems: []gpu.Problem{{Code: gpu.ProblemNoNVML}}} }, Note, "libnvidia-ml.so.1 is not there"},
		"no driver, a GPU is there": {func(h *Host) {
			h.GPU = &gpu.Snapshot{Problems: []gpu.Problem{{Code: gpu.ProblemNoNVML}}}
			root(h, "proc/driver/nvidia/version", "")
		}, Warning, "libnvidia-ml.so.1 is not there"},
		"no driver, a GPU wanted": {func(h *Host) {
			h.GPU = &gpu.Snapshot{Problems: []gpu.Problem{{Code: gpu.ProblemNoNVML}}}
			h.Settings.Selection.Mode = gpu.Any
		}, Bad, "libnvidia-ml.so.1 is not there"},
		"Xid":             {func(h *Host) { h.GPU.Devices[0].Xids = []uint64{79} }, Warning, "RTX 4090 reported Xid 79"},
		"hidden":          {func(h *Host) { h.Settings.Visible = new("0,5,1") }, Warning, `"5" hides itself and all after it`},
		"full":            {func(h *Host) { h.GPU.Devices[0].Free = 0 }, Warning, "No GPU can be used, the CPU serves"},
		"full and wanted": {func(h *Host) { h.GPU.Devices[0].Free = 0; h.Settings.Selection.Mode = gpu.Any }, Bad, "the model needs 1.00GB"},
		"void container": {func(h *Host) {
			root(h, ".dockerenv", "")
			h.Getenv = env(map[string]string{"NVIDIA_VISIBLE_DEVICES": "void"})
		}, Warning, "gives this container no GPU"},
		"capabilities": {func(h *Host) {
			h.Getenv = env(map[string]string{"KUBERNETES_SERVICE_HOST": "x", "NVIDIA_DRIVER_CAPABILITIES": "utility"})
		}, Warning, "lacks compute"},
		"little memory": {func(h *Host) { root(h, "sys/fs/cgroup/memory.max", "536870912\n") }, Warning, "allows 0.50GB of memory"},
		"enough memory": {func(h *Host) { root(h, "sys/fs/cgroup/memory.max", "8589934592\n") }, Good, "allows 8.00GB of memory"},
		"no limit":      {func(h *Host) { root(h, "sys/fs/cgroup/memory.max", "max\n") }, Good, "RTX 4090"},
		"half a CPU":    {func(h *Host) { root(h, "sys/fs/cgroup/cpu.max", "50000 100000") }, Warning, "allows 0.5 CPUs"},
		"few threads":   {func(h *Host) { root(h, "sys/fs/cgroup/pids.max", "32") }, Warning, "allows 32 threads"},
		"address space": {func(h *Host) { root(h, "proc/self/limits", "Max address space  8589934592  unlimited  bytes\n") }, Warning, "address space is limited to 8589934592"},
		"open files":    {func(h *Host) { root(h, "proc/self/limits", "Max open files  256  1024  files\n") }, Warning, "only 256 open files"},
		"port":          {func(h *Host) { h.Listen = func(string) error { return errors.New("address already in use") } }, Bad, "cannot listen on :50000: address already in use"},
		"embedded":      {func(h *Host) { h.Model = Model{Embedded: true} }, Warning, "only the small embedded model"},
		"broken model":  {func(h *Host) { h.Model.Err = errors.New("truncated") }, Bad, "cannot be used: truncated"},
		"portable":      {func(h *Host) { h.ISAs = h.ISAs[:1] }, Warning, "instructions: portable"},
		"former setting": {func(h *Host) {
			h.Getenv = env(map[string]string{"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"})
		}, Note, "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True: read:"},
		"ignored keys":  {func(h *Host) { h.Settings.Alloc.Ignored = []string{"backend"} }, Note, "no effect here: backend"},
		"wrong setting": {func(h *Host) { h.Wrong = errors.New("--port: must be 0 to 65535") }, Bad, "must be 0 to 65535"},
		"OpenMP":        {func(h *Host) { h.Getenv = env(map[string]string{"OMP_NUM_THREADS": "4"}) }, Note, "OMP_NUM_THREADS=4 has no effect"},
		"no ffmpeg":     {func(h *Host) { h.LookPath = func(string) (string, error) { return "", errors.New("no") } }, Note, "ffmpeg is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			h := healthy()
			c.do(h)
			found := Examine(h)
			seen := false
			for _, f := range found {
				seen = seen || (f.Level == c.level && strings.Contains(f.What.EN, c.want))
				for _, text := range []string{f.What.EN, f.What.ZH, f.Fix.EN, f.Fix.ZH} {
					if strings.Contains(text, "%!") {
						t.Errorf("%q", text)
					}
				}
				if f.What.In(lang.Chinese) == "" || (f.Fix.EN == "") != (f.Fix.ZH == "") || (f.Level == Bad && f.Fix.Empty()) {
					t.Errorf("%+v is not explained in both languages", f)
				}
			}
			if !seen || Worst(found) != c.level {
				t.Errorf("worst is %s, want %s %q in %+v", Worst(found), c.level, c.want, found)
			}
		})
	}
}
