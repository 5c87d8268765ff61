package cpu

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// DefaultThreads is the number of threads that keeps this process's processors busy and no more: those it may run
// on, or the CPU quota of its control group where that is less.
func DefaultThreads() int {
	return limit(runtime.NumCPU(), cgroupQuota("/"))
}

// limit rounds a quota of processors, 0 for none, to whole threads: at least one, at most as many as given.
func limit(threads int, quota float64) int {
	if quota <= 0 || quota >= float64(threads) {
		return threads
	}
	return max(1, int(quota+0.5))
}

// cgroupQuota returns how many processors the control groups allow, 0 for no limit. A limit may stand at any
// level, so all from the process's own group upwards are read. root is the file system's, for tests.
func cgroupQuota(root string) float64 {
	quota := 0.0
	lower := func(q float64) {
		if q > 0 && (quota == 0 || q < quota) {
			quota = q
		}
	}
	groups, _ := os.ReadFile(path.Join(root, "proc/self/cgroup"))
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		v2 := parts[1] == ""
		if !v2 && !strings.Contains(","+parts[1]+",", ",cpu,") {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if v2 {
				lower(quotaV2(path.Join(root, "sys/fs/cgroup", dir, "cpu.max")))
			} else {
				lower(quotaV1(path.Join(root, "sys/fs/cgroup/cpu", dir)))
			}
			if dir == "/" {
				break
			}
		}
	}
	return quota
}

// quotaV2 reads "quota period" in microseconds, or "max period".
func quotaV2(file string) float64 {
	data, _ := os.ReadFile(file)
	fields := strings.Fields(string(data))
	if len(fields) != 2 {
		return 0
	}
	return ratio(fields[0], fields[1])
}

func quotaV1(dir string) float64 {
	quota, _ := os.ReadFile(path.Join(dir, "cpu.cfs_quota_us"))
	period, _ := os.ReadFile(path.Join(dir, "cpu.cfs_period_us"))
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

func ratio(quota, period string) float64 {
	q, err := strconv.ParseInt(quota, 10, 64)
	p, err2 := strconv.ParseInt(period, 10, 64)
	if err != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0
	}
	return float64(q) / float64(p)
}
