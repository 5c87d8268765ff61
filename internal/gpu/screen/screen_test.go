package screen

import (
	"bytes"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

func pointer[T any](v T) *T { return &v }

func seen(used uint64) *gpu.Snapshot {
	const gib = 1 << 30
	return &gpu.Snapshot{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Driver: "550.54.15", CUDA: 12040,
		Devices: []gpu.Device{
			{
				Ordinal: 0, UUID: "GPU-a", Name: "RTX 4090", Total: 24 * gib, Used: used * gib, Free: (24 - used) * gib, Utilisation: pointer(42), Temperature: pointer(61),
				Processes: []gpu.Process{{PID: 4242, Name: "python3", Bytes: pointer(used * gib)}, {PID: 9}}, Xids: []uint64{79},
			},
			{Ordinal: 1, UUID: "GPU-b", Name: "RTX 4090", Total: 24 * gib, Free: 24 * gib},
		},
	}
}

func TestGraph(t *testing.T) {
	var h history
	for i := range maxHistory + 4 {
		h.add(float64(i-maxHistory) / 4)
	}
	h.add(7)
	rows := h.graph(8, 2)
	// 0.25, 0.5, 0.75 and 1 at the end: half and all of the lower row, then half and all of the upper.
	if rows[0] != "      ▄█" || rows[1] != "    ▄███" || len(h.values) != maxHistory {
		t.Errorf("%q", rows)
	}
	if rows := (&history{}).graph(3, 1); rows[0] != "   " {
		t.Errorf("%q", rows)
	}
}

// TestLive follows what the user sees, in windows of all sizes.
func TestLive(t *testing.T) {
	looks := 0
	m := NewLive(lang.English, gpu.Settings{}, time.Second, func() *gpu.Snapshot { looks++; return seen(uint64(looks)) })
	if got := m.View().Content; got != "Looking for GPUs…" {
		t.Errorf("%q", got)
	}
	for range 5 {
		if _, next := m.Update(m.fetch()); next == nil {
			t.Error("nobody looks again")
		}
	}
	text := ansi.Strip(m.draw())
	for _, want := range []string{
		"NVIDIA driver 550.54.15   03:04:05", "cuda:0  RTX 4090  free 19.00GB  used 5.00GB of 24.00GB  busy 42 %  61 °C",
		"        4242          5.00GB  python3", "9                  -  (other namespace)", "! Xid 79", "cuda:1  RTX 4090  free 24.00GB",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, size := range []tea.WindowSizeMsg{{Width: 1, Height: 1}, {Width: 20, Height: 5}, {Width: 300, Height: 100}} {
		m.Update(size)
		lines := strings.Split(m.draw(), "\n")
		if len(lines) > size.Height {
			t.Errorf("%+v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if ansi.StringWidth(line) > size.Width {
				t.Errorf("%+v: %q", size, line)
			}
		}
	}
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 5})
	for range 20 {
		m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
	}
	if text := ansi.Strip(m.draw()); !strings.Contains(text, "cuda:1  RTX 4090") || strings.Contains(text, "NVIDIA driver") {
		t.Errorf("scrolled to the end:\n%s", text)
	}
	m.Update(tea.KeyPressMsg{Code: tea.KeyPgUp})
	if text := ansi.Strip(m.draw()); !strings.Contains(text, "NVIDIA driver") {
		t.Errorf("scrolled back:\n%s", text)
	}
	if _, quit := m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); quit == nil {
		t.Error("q does not quit")
	}
}

func TestLine(t *testing.T) {
	var out bytes.Buffer
	if err := Line(&out, lang.English, seen(3), gpu.Settings{Visible: pointer("1")}); err != nil {
		t.Fatal(err)
	}
	want := `2026-01-02T03:04:05Z (hidden) free 21.00GB used 3.00GB of 24.00GB busy 42 % temp 61 °C 4242:python3:3.00GB 9:(other namespace):- !Xid:79
2026-01-02T03:04:05Z cuda:0 free 24.00GB used 0.00GB of 24.00GB busy - temp -
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}

// TestCheckInChinese aligns columns by what characters take on the screen.
func TestCheckInChinese(t *testing.T) {
	s := gpu.Settings{Fraction: 0.95}
	d, err := gpu.Decide(seen(3), s, gpu.Price{Weights: 1 << 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	Check(&out, lang.Chinese, seen(3), s, d, nil)
	lines := strings.Split(out.String(), "\n")
	if a, b := ansi.StringWidth(lines[2]), ansi.StringWidth(lines[3]); a != b || !strings.Contains(lines[2], "利用率") {
		t.Errorf("columns end at %d and %d:\n%s", a, b, out.String())
	}
	if !strings.Contains(out.String(), "建议: cuda:1，RTX 4090 (空闲 24.00GB；模型加一个最长片段需要 1.00GB)\n\n  export SENSEVOICE_DEVICE=cuda:1\n") {
		t.Error(out.String())
	}
}
