package doctor

import "sensevoice/internal/lang"

// formerVariables are those of the Python service about GPUs, and what they do here.
var formerVariables = []struct {
	name string
	what lang.Text
}{
	{"PYTORCH_CUDA_ALLOC_CONF", lang.Text{
		EN: "read: expandable_segments chooses a growing arena or a fixed block, garbage_collection_threshold when memory goes back; no other key has an effect",
		ZH: "有效: expandable_segments 选择可伸缩或固定的显存块，garbage_collection_threshold 为回收阈值；其余键无作用",
	}},
	{"CUDA_LAUNCH_BLOCKING", lang.Text{EN: "read: 1 waits after each kernel, which is slow and only for finding faults", ZH: "有效: 设为1时每个内核后同步，速度慢，仅用于排查问题"}},
	{"CUDA_VISIBLE_DEVICES", lang.Text{EN: "read as CUDA reads it; cuda:N counts within what it leaves", ZH: "按CUDA的规则生效；cuda:N 在其可见范围内编号"}},
	{"CUDA_DEVICE_ORDER", lang.Text{EN: "read as CUDA reads it", ZH: "按CUDA的规则生效"}},
	{"TORCH_CUDNN_V8_API_ENABLED", lang.Text{EN: "no effect: no cuDNN is used", ZH: "无作用: 不使用cuDNN"}},
	{"MODELSCOPE_CACHE", lang.Text{EN: "no effect: models are in SENSEVOICE_HOME", ZH: "无作用: 模型存放在 SENSEVOICE_HOME"}},
	{"HF_HOME", lang.Text{EN: "no effect: models are in SENSEVOICE_HOME", ZH: "无作用: 模型存放在 SENSEVOICE_HOME"}},
}

// lookSettings tells what variables mean here, those of the former service included.
func lookSettings(h *Host) []Finding {
	var all []Finding
	if h.Wrong != nil {
		all = append(all, Finding{"settings", Bad, lang.Sprintf("%v", "%v", h.Wrong), lang.Sprintf("correct it; sensevoice config shows all settings", "请更正；sensevoice config 可列出所有设置")})
	}
	for _, note := range h.Notes {
		all = append(all, Finding{"settings", Note, lang.Sprintf("%s", "%s", note), lang.Text{}})
	}
	for _, v := range formerVariables {
		if value := h.Getenv(v.name); value != "" {
			all = append(all, Finding{"settings", Note, lang.Text{EN: v.name + "=" + value + ": " + v.what.EN, ZH: v.name + "=" + value + ": " + v.what.ZH}, lang.Text{}})
		}
	}
	if note := h.Settings.Alloc.Note(); !note.Empty() {
		all = append(all, Finding{"settings", Note, note, lang.Text{}})
	}
	return all
}
