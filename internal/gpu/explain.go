package gpu

import (
	"strings"

	"sensevoice/internal/lang"
)

// What says in one line what a problem is.
func (p Problem) What() lang.Text {
	switch p.Code {
	case ProblemPlatform:
		return lang.Sprintf("GPUs are used on Linux (amd64, arm64) only; this is %s", "GPU 仅支持 Linux (amd64、arm64)，当前系统是 %s", p.Detail)
	case ProblemNoHelper:
		return lang.Sprintf("the program that looks for GPUs, sensevoice-gpu, is not there (%s)", "找不到用于探测GPU的程序 sensevoice-gpu (%s)", p.Detail)
	case ProblemHelper:
		return lang.Sprintf("sensevoice-gpu failed: %s", "sensevoice-gpu 运行失败: %s", p.Detail)
	case ProblemHelperHang:
		return lang.Sprintf("sensevoice-gpu does not answer: the GPU driver hangs (%s)", "sensevoice-gpu 无响应，GPU驱动可能已挂起 (%s)", p.Detail)
	case ProblemNoNVML:
		return lang.Sprintf("the NVIDIA driver's library libnvidia-ml.so.1 is not there (%s)", "找不到NVIDIA驱动库 libnvidia-ml.so.1 (%s)", p.Detail)
	case ProblemNVMLHang:
		return lang.Sprintf("the NVIDIA driver does not answer: %s", "NVIDIA驱动无响应: %s", p.Detail)
	case ProblemNVML:
		return p.whatNVML()
	case ProblemNoCUDA:
		return lang.Sprintf("the CUDA driver library libcuda.so.1 is not there (%s)", "找不到CUDA驱动库 libcuda.so.1 (%s)", p.Detail)
	case ProblemCUDAHang:
		return lang.Sprintf("the CUDA driver does not answer: %s", "CUDA驱动无响应: %s", p.Detail)
	case ProblemCUDA:
		return lang.Sprintf("the CUDA driver cannot start: %s", "CUDA驱动无法启动: %s", p.Detail)
	case ProblemOldDriver:
		return lang.Sprintf("the NVIDIA driver is too old: it supports CUDA %d.%d, and 11.0 is needed (driver 450)",
			"NVIDIA驱动版本过旧: 仅支持 CUDA %d.%d，至少需要 11.0 (驱动450)", p.Number/1000, p.Number%1000/10)
	case ProblemNoDevice:
		return lang.Sprintf("the driver sees no GPU", "驱动没有发现任何GPU")
	case ProblemMemory:
		return lang.Sprintf("the driver's numbers for memory contradict each other: %s", "驱动报告的显存数字自相矛盾: %s", p.Detail)
	case ProblemPartly:
		return lang.Sprintf("a GPU cannot be read: %s", "无法读取某个GPU: %s", p.Detail)
	}
	return lang.Sprintf("%s: %s", "%s: %s", p.Code, p.Detail)
}

// The codes of NVML with a known story.
const (
	nvmlNoPermission  = 4
	nvmlDriverMissing = 9
	nvmlLost          = 15
	nvmlReset         = 16
	nvmlMismatch      = 18
	nvmlUnknown       = 999
)

func (p Problem) whatNVML() lang.Text {
	switch p.Number {
	case nvmlDriverMissing:
		return lang.Sprintf("the NVIDIA kernel driver is not loaded", "NVIDIA内核驱动未加载")
	case nvmlMismatch:
		return lang.Sprintf("the NVIDIA driver was updated without a reboot: library and kernel module differ", "NVIDIA驱动更新后尚未重启: 用户态库与内核模块版本不一致")
	case nvmlUnknown:
		return lang.Sprintf("the NVIDIA driver gives no access (%s): in a container that has run for long, its devices were taken from it",
			"NVIDIA驱动拒绝访问 (%s): 运行已久的容器可能已失去GPU设备权限", p.Detail)
	case nvmlLost, nvmlReset:
		return lang.Sprintf("a GPU has fallen off the bus or waits for a reset: %s", "有GPU已掉线或需要重置: %s", p.Detail)
	}
	return lang.Sprintf("the NVIDIA driver refuses: %s", "NVIDIA驱动返回错误: %s", p.Detail)
}

// Fix says what to do about a problem.
func (p Problem) Fix() lang.Text {
	switch p.Code {
	case ProblemPlatform:
		return lang.Sprintf("nothing to do: the CPU is used", "无需处理: 使用CPU")
	case ProblemNoHelper:
		return lang.Sprintf("put sensevoice-gpu beside sensevoice (make build makes both), or name it in SENSEVOICE_GPU_HELPER",
			"把 sensevoice-gpu 放在 sensevoice 同一目录 (make build 会同时生成)，或用 SENSEVOICE_GPU_HELPER 指定其路径")
	case ProblemHelper:
		return lang.Sprintf("run it by hand: sensevoice-gpu look; it needs glibc, which Alpine and scratch images lack",
			"手动运行 sensevoice-gpu look 查看原因；它依赖 glibc，Alpine 与 scratch 镜像中没有")
	case ProblemHelperHang, ProblemNVMLHang, ProblemCUDAHang:
		return lang.Sprintf("look at nvidia-smi and at dmesg | grep Xid; a GPU that hangs needs a reset (nvidia-smi -r) or a reboot",
			"查看 nvidia-smi 与 dmesg | grep Xid；挂起的GPU需要重置 (nvidia-smi -r) 或重启机器")
	case ProblemNoNVML, ProblemNoCUDA:
		return lang.Sprintf("install the NVIDIA driver; in a container, start it with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility",
			"安装NVIDIA驱动；容器请加 --gpus all 并设置 NVIDIA_DRIVER_CAPABILITIES=compute,utility")
	case ProblemNVML:
		return p.fixNVML()
	case ProblemCUDA:
		return p.fixCUDA()
	case ProblemOldDriver:
		return lang.Sprintf("install driver 450 or later", "请安装450或更新版本的驱动")
	case ProblemNoDevice:
		return lang.Sprintf("check nvidia-smi; in a container, --gpus all", "检查 nvidia-smi；容器请加 --gpus all")
	case ProblemMemory:
		return lang.Sprintf("a memory-sharing shim (HAMi and the like) may be at work: total minus used is taken for free",
			"可能正在使用显存共享组件 (如HAMi): 空闲显存按总量减已用计算")
	case ProblemPartly:
		return lang.Sprintf("look at nvidia-smi; other GPUs are used", "检查 nvidia-smi；其余GPU照常使用")
	}
	return lang.Text{}
}

func (p Problem) fixNVML() lang.Text {
	switch p.Number {
	case nvmlNoPermission:
		return lang.Sprintf("give this user access to /dev/nvidia*", "请为当前用户授予 /dev/nvidia* 的访问权限")
	case nvmlDriverMissing:
		return lang.Sprintf("sudo modprobe nvidia, or reinstall the driver for this kernel", "执行 sudo modprobe nvidia，或为当前内核重新安装驱动")
	case nvmlMismatch:
		return lang.Sprintf("reboot, or unload and load the nvidia modules", "重启机器，或重新加载nvidia内核模块")
	case nvmlUnknown:
		return lang.Sprintf("create the container anew; to prevent it, name the devices with --device or use cgroupfs (systemctl daemon-reload takes them away)",
			"重新创建容器；为避免再次发生，请用 --device 指定设备或改用cgroupfs (systemctl daemon-reload 会收回设备)")
	case nvmlLost, nvmlReset:
		return lang.Sprintf("sudo nvidia-smi -r, or reboot; look for Xid in dmesg", "执行 sudo nvidia-smi -r 或重启；在 dmesg 中查找 Xid")
	}
	return lang.Sprintf("compare with nvidia-smi", "请与 nvidia-smi 的输出对比")
}

// fixCUDA knows the codes with which cuInit and what follows it fail at start.
func (p Problem) fixCUDA() lang.Text {
	switch p.Number {
	case 34:
		return lang.Sprintf("a stub of libcuda was found instead of the driver's: take folders named stubs out of LD_LIBRARY_PATH",
			"加载到的是libcuda的stub: 请从 LD_LIBRARY_PATH 中去掉名为 stubs 的目录")
	case 100:
		return lang.Sprintf("check nvidia-smi; in a container NVIDIA_DRIVER_CAPABILITIES must have compute", "检查 nvidia-smi；容器的 NVIDIA_DRIVER_CAPABILITIES 需包含 compute")
	case 802:
		return lang.Sprintf("start the fabric manager: sudo systemctl start nvidia-fabricmanager", "启动 fabric manager: sudo systemctl start nvidia-fabricmanager")
	case 803, 804:
		return lang.Sprintf("library and kernel driver differ: reboot after an update; in a container, remove cuda-compat", "库与内核驱动不一致: 更新后请重启；容器中请移除 cuda-compat")
	case 999:
		return lang.Sprintf("load nvidia_uvm (sudo modprobe nvidia_uvm) and check the rights of /dev/nvidia-uvm", "加载 nvidia_uvm (sudo modprobe nvidia_uvm) 并检查 /dev/nvidia-uvm 权限")
	}
	return lang.Sprintf("compare with nvidia-smi", "请与 nvidia-smi 的输出对比")
}

// String returns what the problem is in English.
func (p Problem) String() string { return strings.TrimSuffix(p.What().EN, " ()") }
