package screen

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"sensevoice/internal/gpu"
	"sensevoice/internal/lang"
)

// Live follows the GPUs in a terminal. Only what changes is drawn anew.
type Live struct {
	look     func() *gpu.Snapshot
	interval time.Duration
	language lang.Language
	settings gpu.Settings

	width, height int
	offset        int // lines that are scrolled away
	seen          *gpu.Snapshot
	used, busy    map[string]*history // by UUID
}

// NewLive makes a view that looks at every interval.
func NewLive(l lang.Language, s gpu.Settings, interval time.Duration, look func() *gpu.Snapshot) *Live {
	return &Live{look: look, interval: interval, language: l, settings: s, width: 80, height: 24, used: map[string]*history{}, busy: map[string]*history{}}
}

// Run shows the view until the user presses q or ctx ends.
func (m *Live) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out)).Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// seenMsg is a snapshot that has arrived.
type seenMsg struct{ *gpu.Snapshot }

// lookMsg says that it is time to look.
type lookMsg struct{}

// Init is part of tea.Model.
func (m *Live) Init() tea.Cmd { return m.fetch }

func (m *Live) fetch() tea.Msg { return seenMsg{m.look()} }

// Update is part of tea.Model.
func (m *Live) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		case "down", "j":
			m.offset++
		case "up", "k":
			m.offset = max(m.offset-1, 0)
		case "pgdown", "space":
			m.offset += m.height
		case "pgup":
			m.offset = max(m.offset-m.height, 0)
		}
	case seenMsg:
		m.remember(msg.Snapshot)
		return m, tea.Tick(m.interval, func(time.Time) tea.Msg { return lookMsg{} })
	case lookMsg:
		return m, m.fetch
	}
	return m, nil
}

func (m *Live) remember(seen *gpu.Snapshot) {
	m.seen = seen
	for _, d := range seen.Devices {
		if m.used[d.UUID] == nil {
			m.used[d.UUID], m.busy[d.UUID] = &history{}, &history{}
		}
		m.used[d.UUID].add(1 - float64(d.Free)/float64(max(d.Total, 1)))
		if d.Utilisation != nil {
			m.busy[d.UUID].add(float64(*d.Utilisation) / 100)
		}
	}
}

// View is part of tea.Model.
func (m *Live) View() tea.View {
	v := tea.NewView(m.draw())
	v.AltScreen = true
	v.WindowTitle = "sensevoice gpu watch"
	return v
}

var (
	titleStyle = lipgloss.NewStyle().Bold(true)
	faintStyle = lipgloss.NewStyle().Faint(true)
	wrongStyle = lipgloss.NewStyle().Foreground(lipgloss.Red)
	fullStyle  = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	roomStyle  = lipgloss.NewStyle().Foreground(lipgloss.Green)
)

// draw writes everything: in full where the window is large enough, else with less of each GPU, and what still does not fit is scrolled to.
func (m *Live) draw() string {
	if m.seen == nil {
		return lang.Sprintf("Looking for GPUs…", "正在查找GPU…").In(m.language)
	}
	lines := m.lines(false)
	if len(lines) > m.height {
		lines = m.lines(true)
	}
	if m.offset = max(min(m.offset, len(lines)-m.height+1), 0); len(lines) > m.height {
		more := len(lines) - m.height + 1
		lines = append(lines[m.offset:m.offset+m.height-1],
			faintStyle.Render(lang.Sprintf("… %d more lines: ↑ ↓", "… 还有 %d 行: ↑ ↓", more).In(m.language)))
	}
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func (m *Live) lines(compact bool) []string {
	head := lang.Sprintf("NVIDIA driver %s   %s   q: quit", "NVIDIA驱动 %s   %s   q: 退出", m.seen.Driver, m.seen.Time.Format(time.TimeOnly))
	lines := []string{faintStyle.Render(head.In(m.language))}
	for _, p := range m.seen.Problems {
		lines = append(lines, wrongStyle.Render("! "+p.What().In(m.language)), "  → "+p.Fix().In(m.language))
	}
	visible := gpu.VisibleOf(m.seen, m.settings.Visible)
	for _, d := range m.seen.Devices {
		lines = append(lines, m.device(d, visible, compact)...)
	}
	return lines
}

// device draws one: a line of numbers, memory and load over time, and who holds the memory. Compact, it leaves out load and empty lines.
func (m *Live) device(d gpu.Device, visible gpu.Visible, compact bool) []string {
	l := m.language
	style := roomStyle
	if d.Free < m.settings.HeadroomOf(d.Total) {
		style = fullStyle
	}
	numbers := lang.Sprintf("free %s  used %s of %s  busy %s  %s", "空闲 %s  已用 %s / %s  利用率 %s  %s",
		gpu.GB(d.Free), gpu.GB(d.Used), gpu.GB(d.Total), number(d.Utilisation, "%"), number(d.Temperature, "°C"))
	lines := []string{titleStyle.Render(label(l, d, visible)+"  "+d.Name) + "  " + style.Render(numbers.In(l))}
	const margin = 8
	width := max(min(m.width-margin, 120), 1)
	graph := func(name lang.Text, rows []string, style lipgloss.Style) {
		for i, row := range rows {
			text := ""
			if i == len(rows)-1 {
				text = name.In(l)
			}
			lines = append(lines, text+strings.Repeat(" ", margin-ansi.StringWidth(text))+style.Render(row))
		}
	}
	height := 2
	if compact {
		height = 1
	} else {
		lines = append([]string{""}, lines...)
	}
	graph(lang.Text{EN: "memory", ZH: "显存"}, m.used[d.UUID].graph(width, height), style)
	if !compact {
		graph(lang.Text{EN: "busy", ZH: "利用率"}, m.busy[d.UUID].graph(width, 1), faintStyle)
	}
	for _, p := range d.Processes {
		lines = append(lines, fmt.Sprintf("        %-9d %10s  %s", p.PID, held(p), p.Label()))
	}
	for _, x := range d.Xids {
		lines = append(lines, wrongStyle.Render(fmt.Sprintf("        ! Xid %d", x)))
	}
	return lines
}

// Line writes a snapshot for a pipe: a line for each device.
func Line(w io.Writer, l lang.Language, seen *gpu.Snapshot, s gpu.Settings) error {
	at := seen.Time.Format(time.RFC3339)
	visible := gpu.VisibleOf(seen, s.Visible)
	for _, p := range seen.Problems {
		if _, err := fmt.Fprintf(w, "%s ! %s\n", at, p.What().In(l)); err != nil {
			return err
		}
	}
	for _, d := range seen.Devices {
		var who strings.Builder
		for _, p := range d.Processes {
			fmt.Fprintf(&who, " %d:%s:%s", p.PID, p.Label(), held(p))
		}
		for _, x := range d.Xids {
			fmt.Fprintf(&who, " !Xid:%d", x)
		}
		if _, err := fmt.Fprintf(w, "%s %s free %s used %s of %s busy %s temp %s%s\n", at, label(l, d, visible), gpu.GB(d.Free), gpu.GB(d.Used), gpu.GB(d.Total),
			number(d.Utilisation, "%"), number(d.Temperature, "°C"), who.String()); err != nil {
			return err
		}
	}
	return nil
}
