package server

import (
	"testing"
	"testing/fstest"
)

func TestMachineMemory(t *testing.T) {
	const mib = 1 << 20
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no groups":      {nil, 1000 * mib},
		"container":      {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 * mib},
		"no limit":       {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 1000 * mib},
		"unit":           {map[string]string{"proc/self/cgroup": "0::/system.slice/s.service\n", "sys/fs/cgroup/system.slice/s.service/memory.max": "209715200"}, 200 * mib},
		"slice above it": {map[string]string{"proc/self/cgroup": "0::/a.slice/s.service\n", "sys/fs/cgroup/a.slice/memory.max": "314572800"}, 300 * mib},
		"version 1":      {map[string]string{"proc/self/cgroup": "5:cpu,memory:/docker/x\n4:pids:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "419430400"}, 400 * mib},
		"more than all":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "9223372036854771712"}, 1000 * mib},
		"nonsense":       {map[string]string{"proc/self/cgroup": "x\n0::/../../..\n", "sys/fs/cgroup/memory.max": "-1"}, 1000 * mib},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 1024000 kB\n")}}
		for path, text := range test.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, err := machineMemory(root); err != nil || got != test.want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, test.want)
		}
	}
	if _, err := machineMemory(fstest.MapFS{}); err == nil {
		t.Error("no /proc, and no error")
	}
}
