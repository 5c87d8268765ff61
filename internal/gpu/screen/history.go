package screen

import "strings"

// history is a number over time, from 0 to 1, newest last.
type history struct{ values []float64 }

// maxHistory bounds what is kept: ten minutes at one value a second.
const maxHistory = 600

func (h *history) add(v float64) {
	if len(h.values) == maxHistory {
		copy(h.values, h.values[1:])
		h.values = h.values[:maxHistory-1]
	}
	h.values = append(h.values, min(max(v, 0), 1))
}

// graph draws the newest values in so many columns and rows, a column for each: a stack of blocks with eighths at its top.
func (h *history) graph(width, height int) []string {
	const eighths = " ▁▂▃▄▅▆▇█"
	levels := []rune(eighths)
	shown := h.values[max(0, len(h.values)-width):]
	rows := make([]string, height)
	for r := range rows {
		var line strings.Builder
		line.WriteString(strings.Repeat(" ", width-len(shown)))
		below := float64(height-1-r) / float64(height) // what the rows beneath can show
		for _, v := range shown {
			part := (v - below) * float64(height)
			line.WriteRune(levels[int(min(max(part, 0), 1)*8+0.5)])
		}
		rows[r] = line.String()
	}
	return rows
}
