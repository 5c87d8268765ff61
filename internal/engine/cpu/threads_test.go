package cpu

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestCgroupQuota(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"nothing there", nil, 0},
		{"v2, no limit", map[string]string{
			"proc/self/cgroup":          "0::/a\n",
			"sys/fs/cgroup/a/cpu.max":   "max 100000\n",
			"sys/fs/cgroup/cpu.weight":  "100\n",
			"sys/fs/cgroup/a/cpu.stat":  "usage_usec 1\n",
			"sys/fs/cgroup/b/cpu.max":   "100 100000\n", // another group
			"sys/fs/cgroup/cpu/ignored": "",
		}, 0},
		{"v2", map[string]string{
			"proc/self/cgroup":        "0::/a\n",
			"sys/fs/cgroup/a/cpu.max": "150000 100000\n",
		}, 1.5},
		{"v2 in a namespace: the group is the root", map[string]string{
			"proc/self/cgroup":      "0::/\n",
			"sys/fs/cgroup/cpu.max": "400000 100000\n",
		}, 4},
		{"v2, the parent allows less", map[string]string{
			"proc/self/cgroup":            "0::/a/b/c\n",
			"sys/fs/cgroup/a/cpu.max":     "200000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max":   "max 100000\n",
			"sys/fs/cgroup/a/b/c/cpu.max": "800000 100000\n",
		}, 2},
		{"v1", map[string]string{
			"proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us":  "250000\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
		}, 2.5},
		{"v1 in a container: the path is the host's, the mount is the group", map[string]string{
			"proc/self/cgroup":                    "3:cpuacct,cpu:/docker/x\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "50000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 0.5},
		{"v1, no limit", map[string]string{
			"proc/self/cgroup":                      "3:cpu:/x\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
		}, 0},
		{"v1, other controllers", map[string]string{
			"proc/self/cgroup":                      "3:cpuset:/x\n4:cpuacct:/x\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":  "50000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
		}, 0},
		{"both, the lower counts", map[string]string{
			"proc/self/cgroup":                      "3:cpu:/x\n0::/y\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":  "300000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/y/cpu.max":               "200000 100000\n",
		}, 2},
		{"a path that climbs", map[string]string{
			"proc/self/cgroup":      "0::/../../..\n",
			"sys/fs/cgroup/cpu.max": "100000 100000\n",
			"cpu.max":               "1 100000\n",
		}, 1},
		{"noise", map[string]string{
			"proc/self/cgroup":          "no colons\n::\n0::/a\x00b\n1:cpu\n0::/a:b\n",
			"sys/fs/cgroup/cpu.max":     "one two three\n",
			"sys/fs/cgroup/a:b/cpu.max": "300000 100000\n",
		}, 3},
		{"numbers that are none", map[string]string{
			"proc/self/cgroup":              "0::/a/b/c/d\n",
			"sys/fs/cgroup/cpu.max":         "Inf 100000\n",
			"sys/fs/cgroup/a/cpu.max":       "NaN 100000\n",
			"sys/fs/cgroup/a/b/cpu.max":     "100000 0\n",
			"sys/fs/cgroup/a/b/c/cpu.max":   "",
			"sys/fs/cgroup/a/b/c/d/cpu.max": "-5 100000\n",
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, content := range test.files {
				file := filepath.Join(root, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := cgroupQuota(root); got != test.want {
				t.Errorf("%v processors, want %v", got, test.want)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	for _, test := range []struct {
		threads int
		quota   float64
		want    int
	}{
		{8, 0, 8}, {8, 0.1, 1}, {8, 1, 1}, {8, 1.4, 1}, {8, 1.5, 2}, {8, 7.6, 8}, {8, 8, 8}, {8, 64, 8}, {8, 1e300, 8}, {1, 0.5, 1},
	} {
		if got := limit(test.threads, test.quota); got != test.want {
			t.Errorf("%d processors with a quota of %v: %d threads, want %d", test.threads, test.quota, got, test.want)
		}
	}
	if n := DefaultThreads(); n < 1 || n > runtime.NumCPU() {
		t.Errorf("%d threads on %d processors", n, runtime.NumCPU())
	}
}
