// Package screen shows GPUs on a terminal: a table once, and a view that follows them.
package screen

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

// table writes rows in columns as wide as they must be; a cell of CJK text counts twice its characters. The first row is the head. A row of
// one cell is a line of its own. Columns from right on are aligned to the right.
func table(w io.Writer, rows [][]string, right int) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if len(row) == 1 {
				break
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if len(row) == 1 {
				line.WriteString(cell)
				break
			}
			pad := strings.Repeat(" ", widths[i]-ansi.StringWidth(cell))
			if i >= right {
				cell, pad = pad, cell
			}
			line.WriteString(cell + pad + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// Check writes what there is, who uses it, and what to take.
func Check(w io.Writer, l lang.Language, seen *gpu.Snapshot, s gpu.Settings, d *gpu.Decision, refused error) {
	if seen.Driver != "" {
		fmt.Fprintln(w, lang.Sprintf("NVIDIA driver %s, CUDA up to %d.%d", "NVIDIA驱动 %s，最高支持 CUDA %d.%d", seen.Driver, seen.CUDA/1000, seen.CUDA%1000/10).In(l))
		fmt.Fprintln(w)
	}
	if len(seen.Devices) > 0 {
		table(w, deviceRows(l, seen, gpu.VisibleOf(seen, s.Visible)), 2)
		fmt.Fprintln(w)
	}
	for _, p := range seen.Problems {
		fmt.Fprintf(w, "! %s\n  → %s\n", p.What().In(l), p.Fix().In(l))
	}
	if refused != nil {
		fmt.Fprintf(w, "! %v\n", refused)
		return
	}
	for _, line := range d.Warnings {
		fmt.Fprintf(w, "! %s\n", line.In(l))
	}
	if len(d.Chosen) == 0 {
		why := d.Reason
		if seen.Blocking() != nil {
			why = lang.Text{} // said above
		}
		fmt.Fprintln(w, lang.Text{EN: "Recommended: the CPU" + reason(": ", why.EN), ZH: "建议: 使用CPU" + reason("。原因: ", why.ZH)}.In(l))
	}
	for _, c := range d.Chosen {
		fmt.Fprintln(w, lang.Sprintf("Recommended: %s, %s (%s free; the model and one longest segment need %s)", "建议: %s，%s (空闲 %s；模型加一个最长片段需要 %s)",
			c.Name, c.Device.Name, gpu.GB(c.Free), gpu.GB(d.Price.Need())).In(l))
	}
	fmt.Fprintf(w, "\n  export SENSEVOICE_DEVICE=%s\n", d.Setting())
}

func reason(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func deviceRows(l lang.Language, seen *gpu.Snapshot, visible gpu.Visible) [][]string {
	rows := [][]string{strings.Split(lang.Text{EN: "GPU,NAME,FREE,USED,TOTAL,BUSY,TEMP", ZH: "GPU,名称,空闲,已用,总量,利用率,温度"}.In(l), ",")}
	for _, d := range seen.Devices {
		rows = append(rows, []string{
			label(l, d, visible), d.Name, gpu.GB(d.Free), gpu.GB(d.Used), gpu.GB(d.Total), number(d.Utilisation, "%"), number(d.Temperature, "°C"),
		})
		for _, p := range d.Processes {
			rows = append(rows, []string{fmt.Sprintf("    PID %d  %s  %s", p.PID, p.Label(), held(p))})
		}
		for _, x := range d.Xids {
			rows = append(rows, []string{fmt.Sprintf("    ! Xid %d", x)})
		}
		if d.Fault != "" {
			rows = append(rows, []string{"    ! " + d.Fault})
		}
	}
	return rows
}

// label names a device as SENSEVOICE_DEVICE would, or says why it cannot be named.
func label(l lang.Language, d gpu.Device, visible gpu.Visible) string {
	for i, v := range visible.Devices {
		if v.UUID == d.UUID {
			return fmt.Sprintf("cuda:%d", i)
		}
	}
	if d.Cut {
		return lang.Text{EN: "(MIG)", ZH: "(MIG)"}.In(l)
	}
	return lang.Text{EN: "(hidden)", ZH: "(不可见)"}.In(l)
}

func number(v *int, unit string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%d %s", *v, unit)
}

func held(p gpu.Process) string {
	if p.Bytes == nil {
		return "-"
	}
	return gpu.GB(*p.Bytes)
}
