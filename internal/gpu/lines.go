package gpu

import "sensevoice/internal/lang"

// Texts returns what to tell people at start, line by line.
func (d *Decision) Texts() []lang.Text {
	texts := append([]lang.Text{}, d.Warnings...)
	if len(d.Chosen) == 0 {
		if d.Reason.Empty() {
			return append(texts, lang.Sprintf("Computing on the CPU", "使用CPU推理"))
		}
		return append(texts, lang.Text{EN: "No GPU can be used, the CPU serves: " + d.Reason.EN, ZH: "没有可用的GPU，改用CPU推理: " + d.Reason.ZH})
	}
	for _, c := range d.Chosen {
		switch d.Settings.Selection.Mode {
		case Auto, Any:
			texts = append(texts, lang.Sprintf("Chose the GPU with most free memory: %s (%s free)", "自动选择显存空闲最多的GPU: %s (空闲 %s)", c.Name, GB(c.Free)))
		default:
			texts = append(texts, lang.Sprintf("Using the GPU as set: %s (%s free)", "使用指定的GPU: %s (空闲 %s)", c.Name, GB(c.Free)))
		}
	}
	texts = append(texts, lang.Sprintf("GPU memory is capped at %.1f %%", "设置显存使用上限为 %.1f%%", 100*d.Settings.Fraction))
	if d.Settings.Alloc.Expandable {
		return append(texts, lang.Sprintf("GPU memory is managed (expandable_segments is on: no fragmentation)", "显存管理设置完成（已启用expandable_segments避免碎片化）"))
	}
	return append(texts, lang.Sprintf("GPU memory is managed (expandable_segments is off: one fixed block)", "显存管理设置完成（未启用expandable_segments，使用固定大小的显存块）"))
}

// Lines returns what to tell people at start in one language.
func (d *Decision) Lines(l lang.Language) []string {
	texts := d.Texts()
	lines := make([]string, len(texts))
	for i, t := range texts {
		lines[i] = t.In(l)
	}
	return lines
}

// Setting returns the value of SENSEVOICE_DEVICE that makes the same choice fixed, such as "cuda:4"; "cpu" where there is none.
func (d *Decision) Setting() string {
	if len(d.Chosen) == 0 {
		return "cpu"
	}
	return d.Chosen[0].Name
}
