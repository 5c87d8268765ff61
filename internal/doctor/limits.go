package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

// lookLimits tells what the control group and the shell allow.
func lookLimits(h *Host) []Finding {
	var all []Finding
	add := func(level Level, what, fix lang.Text) { all = append(all, Finding{"limits", level, what, fix}) }
	if limit, ok := h.number("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"); ok && limit < 1<<50 {
		need := uint64(h.Model.Bytes) + 512<<20 //nolint:gosec // a size
		level, fix := Good, lang.Text{}
		if limit < need {
			level, fix = Warning, lang.Sprintf("give it at least %s (docker run --memory)", "至少分配 %s (docker run --memory)", gpu.GB(need))
		}
		add(level, lang.Sprintf("the control group allows %s of memory; the model and a few requests take %s", "控制组内存上限 %s；模型和少量请求约需 %s", gpu.GB(limit), gpu.GB(need)), fix)
	}
	if quota, period, ok := strings.Cut(h.read("sys/fs/cgroup/cpu.max"), " "); ok && quota != "max" {
		q, errQ := strconv.ParseFloat(quota, 64)
		p, errP := strconv.ParseFloat(period, 64)
		if errQ == nil && errP == nil && p > 0 {
			level := Good
			if q/p < 1 {
				level = Warning
			}
			add(level, lang.Sprintf("the control group allows %.2g CPUs", "控制组允许使用 %.2g 个CPU", q/p), lang.Text{})
		}
	}
	if limit, ok := h.number("sys/fs/cgroup/pids.max"); ok && limit < 64 {
		add(Warning, lang.Sprintf("the control group allows %d threads", "控制组只允许 %d 个线程", limit), lang.Sprintf("allow at least 256 (docker run --pids-limit)", "至少允许256个 (docker run --pids-limit)"))
	}
	for _, l := range []struct {
		name  string
		least uint64
		what  lang.Text
		fix   lang.Text
	}{
		{
			"Max address space", 1 << 40,
			lang.Text{EN: "the address space is limited to %s: CUDA reserves far more than it uses", ZH: "进程地址空间被限制为 %s: CUDA需要预留大量地址"},
			lang.Sprintf("ulimit -v unlimited", "ulimit -v unlimited"),
		},
		{
			"Max open files", 1024,
			lang.Text{EN: "only %s open files are allowed: each connection takes one", ZH: "只允许打开 %s 个文件: 每个连接占用一个"},
			lang.Sprintf("ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit", "ulimit -n 65536，或在systemd单元中设置 LimitNOFILE=65536"),
		},
	} {
		if soft := h.resource(l.name); soft != "" && soft != "unlimited" {
			if n, err := strconv.ParseUint(soft, 10, 64); err == nil && n < l.least {
				add(Warning, lang.Text{EN: fmt.Sprintf(l.what.EN, soft), ZH: fmt.Sprintf(l.what.ZH, soft)}, l.fix)
			}
		}
	}
	return all
}

// number reads the first file that there is and that holds a number.
func (h *Host) number(paths ...string) (uint64, bool) {
	for _, p := range paths {
		if n, err := strconv.ParseUint(h.read(p), 10, 64); err == nil {
			return n, true
		}
	}
	return 0, false
}

// resource returns the soft limit of a line of /proc/self/limits.
func (h *Host) resource(name string) string {
	for line := range strings.Lines(h.read("proc/self/limits")) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if fields := strings.Fields(rest); len(fields) > 0 {
				return fields[0]
			}
		}
	}
	return ""
}

// lookPort tries the server's address.
func lookPort(h *Host) []Finding {
	if err := h.Listen(h.Address); err != nil {
		return []Finding{{
			"port", Bad, lang.Sprintf("cannot listen on %s: %v", "无法监听 %s: %v", h.Address, err),
			lang.Sprintf("stop what uses it (ss -ltnp), or choose another one with SENSEVOICE_PORT", "停止占用它的程序 (ss -ltnp)，或用 SENSEVOICE_PORT 换一个端口"),
		}}
	}
	return []Finding{{"port", Good, lang.Sprintf("%s is free", "%s 可用", h.Address), lang.Text{}}}
}

// lookModel tells what would be loaded.
func lookModel(h *Host) []Finding {
	switch m := h.Model; {
	case m.Err != nil:
		return []Finding{{"model", Bad, lang.Sprintf("the model cannot be used: %v", "模型无法使用: %v", m.Err), lang.Sprintf("sensevoice model pull, or sensevoice model verify", "sensevoice model pull，或 sensevoice model verify")}}
	case m.Embedded:
		return []Finding{{
			"model", Warning, lang.Sprintf("only the small embedded model is here, which knows a few dozen words", "只有内置的小模型，仅认识几十个词"),
			lang.Sprintf("sensevoice model pull sensevoice-small", "sensevoice model pull sensevoice-small"),
		}}
	default:
		return []Finding{{"model", Good, lang.Sprintf("model %s, %.1f MB", "模型 %s，%.1f MB", m.Name, float64(m.Bytes)/1e6), lang.Text{}}}
	}
}

// lookCPU tells what the CPU computes with.
func lookCPU(h *Host) []Finding {
	best := h.ISAs[len(h.ISAs)-1]
	all := []Finding{{"cpu", Good, lang.Sprintf("%d threads, instructions: %s", "%d 个线程，指令集: %s", h.Threads, best), lang.Text{}}}
	if len(h.ISAs) == 1 {
		all[0].Level = Warning
		all[0].Fix = lang.Sprintf("kernels for this CPU are the portable ones, several times slower than AVX2; a virtual machine may hide AVX2 (CPU type host)",
			"此CPU只能使用通用内核，比AVX2慢数倍；虚拟机可能屏蔽了AVX2 (请将CPU类型设为host)")
	}
	if omp := h.Getenv("OMP_NUM_THREADS"); omp != "" {
		all = append(all, Finding{"cpu", Note, lang.Sprintf("OMP_NUM_THREADS=%s has no effect here", "OMP_NUM_THREADS=%s 在此无作用", omp), lang.Sprintf("set SENSEVOICE_THREADS", "请用 SENSEVOICE_THREADS")})
	}
	return all
}

// lookTools tells whether what is called from outside is there.
func lookTools(h *Host) []Finding {
	if _, err := h.LookPath("ffmpeg"); err != nil {
		return []Finding{{
			"tools", Note, lang.Sprintf("ffmpeg is not there: formats that need it are refused, such as m4a", "没有ffmpeg: 需要它的格式 (如m4a) 会被拒绝"),
			lang.Sprintf("install ffmpeg if such files come", "如需处理这些格式请安装ffmpeg"),
		}}
	}
	return []Finding{{"tools", Good, lang.Sprintf("ffmpeg is there", "ffmpeg 可用"), lang.Text{}}}
}
