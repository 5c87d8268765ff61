package doctor

import (
	"strings"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

// lookGPU tells what the driver says, what is visible, and what would be chosen.
func lookGPU(h *Host) []Finding {
	var all []Finding
	add := func(level Level, what, fix lang.Text) { all = append(all, Finding{"gpu", level, what, fix}) }
	seen := h.GPU
	if seen.Driver != "" {
		add(Good, lang.Sprintf("NVIDIA driver %s, CUDA up to %d.%d, NVML %s, %d GPUs", "NVIDIA驱动 %s，最高支持 CUDA %d.%d，NVML %s，GPU数量 %d",
			seen.Driver, seen.CUDA/1000, seen.CUDA%1000/10, seen.NVML, wholeGPUs(seen)), lang.Text{})
	}
	for _, p := range seen.Problems {
		level := Warning
		if !demandsGPU(h.Settings) && missingDriver(p) && !h.hasNVIDIA() {
			level = Note // a machine without a GPU that nobody wants to use one on
		}
		if demandsGPU(h.Settings) && seen.Blocking() != nil {
			level = Bad
		}
		add(level, p.What(), p.Fix())
	}
	for _, d := range seen.Devices {
		for _, x := range d.Xids {
			add(Warning, lang.Sprintf("%s reported Xid %d", "%s 报告了 Xid %d", d.Name, x), lang.Sprintf("look it up in NVIDIA's catalogue of Xid errors; 79, 95 and 119 need a reset or reboot",
				"在NVIDIA的Xid错误目录中查询；79、95、119 需要重置GPU或重启机器"))
		}
	}
	if seen.Blocking() != nil {
		return all
	}
	visible := gpu.VisibleOf(seen, h.Settings.Visible)
	if visible.Bad != "" {
		add(Warning, visible.Warning(), lang.Sprintf("correct or remove the entry %q", "请更正或删除条目 %q", visible.Bad))
	}
	d, err := gpu.Decide(seen, h.Settings, h.Price, nil)
	switch {
	case err != nil:
		add(Bad, lang.Sprintf("%v", "%v", err), lang.Sprintf("free memory on that GPU, choose another one (sensevoice gpu check), or set SENSEVOICE_DEVICE=auto",
			"释放该GPU的显存、改选其他GPU (sensevoice gpu check)，或设置 SENSEVOICE_DEVICE=auto"))
	case len(d.Chosen) == 0 && h.Settings.Selection.Mode != gpu.CPU:
		add(Warning, d.Texts()[len(d.Texts())-1], lang.Sprintf("sensevoice gpu check shows who holds the memory", "用 sensevoice gpu check 查看是谁占用了显存"))
	case len(d.Chosen) > 0:
		for _, c := range d.Chosen {
			add(Good, lang.Sprintf("%s, %s, has %s free; the model needs %s", "%s (%s) 空闲 %s；模型需要 %s", c.Name, c.Device.Name, gpu.GB(c.Free), gpu.GB(h.Price.Need())), lang.Text{})
		}
	}
	return all
}

func wholeGPUs(s *gpu.Snapshot) int {
	n := 0
	for _, d := range s.Devices {
		if d.Parent == "" {
			n++
		}
	}
	return n
}

func demandsGPU(s gpu.Settings) bool {
	return s.Selection.Mode != gpu.Auto && s.Selection.Mode != gpu.CPU
}

func missingDriver(p gpu.Problem) bool {
	return p.Code == gpu.ProblemNoNVML || p.Code == gpu.ProblemPlatform || p.Code == gpu.ProblemNoHelper
}

// hasNVIDIA tells whether the kernel knows of an NVIDIA GPU, whatever the libraries say.
func (h *Host) hasNVIDIA() bool { return h.exists("proc/driver/nvidia") || h.exists("dev/nvidiactl") }

// lookContainer tells whether this is a container, and what its runtime was told about GPUs.
func lookContainer(h *Host) []Finding {
	kind := h.container()
	if kind == "" {
		return nil
	}
	all := []Finding{{"container", Good, lang.Sprintf("inside a container (%s)", "运行在容器中 (%s)", kind), lang.Text{}}}
	devices, capabilities := h.Getenv("NVIDIA_VISIBLE_DEVICES"), h.Getenv("NVIDIA_DRIVER_CAPABILITIES")
	if devices == "void" || devices == "none" {
		all = append(all, Finding{
			"container", Warning, lang.Sprintf("NVIDIA_VISIBLE_DEVICES=%s gives this container no GPU", "NVIDIA_VISIBLE_DEVICES=%s 使容器看不到GPU", devices),
			lang.Sprintf("start it with --gpus all, or --gpus '\"device=0,2\"'", "启动容器时加 --gpus all，或 --gpus '\"device=0,2\"'"),
		})
	}
	for _, need := range []string{"compute", "utility"} {
		if capabilities != "" && capabilities != "all" && !strings.Contains(","+capabilities+",", ","+need+",") {
			all = append(all, Finding{
				"container", Warning, lang.Sprintf("NVIDIA_DRIVER_CAPABILITIES=%s lacks %s", "NVIDIA_DRIVER_CAPABILITIES=%s 缺少 %s", capabilities, need),
				lang.Sprintf("set NVIDIA_DRIVER_CAPABILITIES=compute,utility", "设置 NVIDIA_DRIVER_CAPABILITIES=compute,utility"),
			})
		}
	}
	if h.GPU.Blocking() != nil && missingDriver(*h.GPU.Blocking()) && devices == "" {
		all = append(all, Finding{
			"container", Note, lang.Sprintf("the container was started without GPUs", "启动容器时没有指定GPU"),
			lang.Sprintf("if the host has some: install nvidia-container-toolkit there, and start with --gpus all", "若宿主机有GPU: 请安装 nvidia-container-toolkit，并加 --gpus all 启动"),
		})
	}
	return all
}

func (h *Host) container() string {
	switch {
	case h.Getenv("KUBERNETES_SERVICE_HOST") != "":
		return "Kubernetes"
	case h.exists(".dockerenv"):
		return "Docker"
	case h.exists("run/.containerenv"):
		return "Podman"
	}
	return h.Getenv("container") // as systemd-nspawn and LXC set it
}
