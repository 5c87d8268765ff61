package gpu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"sensevoice/internal/lang"
)

// Price is what the model takes of a GPU before it can serve at all, in bytes.
type Price struct {
	Context uint64 // the driver's own part; an estimate until a worker has measured it
	Weights uint64
	Floor   uint64 // workspace for one longest segment
}

// Need returns the bytes in all.
func (p Price) Need() uint64 { return p.Context + p.Weights + p.Floor }

// Decision says where to compute.
type Decision struct {
	Chosen   []Chosen  // none: the CPU
	Reason   lang.Text // why no GPU; empty if the CPU was asked for
	Warnings []lang.Text
	Settings Settings
	Price    Price
	Snapshot *Snapshot // what was seen; nil if nobody looked
	Claim    *Claim    // to be released when the memory has been taken
}

// Chosen is a GPU to use.
type Chosen struct {
	Device
	Name     string // "cuda:4", within what is visible
	Cap      uint64 // bytes that are never exceeded
	Headroom uint64 // bytes left to others
}

// Choose looks at the machine and decides, alone among all that choose on it, and claims the memory. An error means that what the
// settings demand cannot be had; where they leave it open, the decision is the CPU, with its reason.
func Choose(ctx context.Context, s Settings, p Price) (*Decision, error) {
	if s.Selection.Mode == CPU {
		return &Decision{Settings: s, Price: p}, nil
	}
	unlock, err := lockChoice(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d, err := Decide(Look(ctx, s.Helper), s, p, Claims())
	if err != nil {
		return nil, err
	}
	d.Claim = &Claim{}
	for _, c := range d.Chosen {
		if err := d.Claim.add(c.UUID, p.Need()); err != nil {
			d.Warnings = append(d.Warnings, lang.Sprintf("cannot claim memory of %s against other servers that start now: %v",
				"无法预先登记 %s 的显存 (防止同时启动的服务争抢): %v", c.Name, err))
		}
	}
	return d, nil
}

// Decide chooses by what was seen. Claimed is what others will take soon, by UUID.
func Decide(seen *Snapshot, s Settings, p Price, claimed map[string]uint64) (*Decision, error) {
	d := &Decision{Settings: s, Price: p, Snapshot: seen}
	if s.Selection.Mode == CPU {
		return d, nil
	}
	if note := s.Alloc.Note(); !note.Empty() {
		d.Warnings = append(d.Warnings, note)
	}
	if problem := seen.Blocking(); problem != nil {
		return d.none(problem.What())
	}
	for _, problem := range seen.Problems {
		d.Warnings = append(d.Warnings, problem.What())
	}
	visible := VisibleOf(seen, s.Visible)
	if visible.Bad != "" {
		d.Warnings = append(d.Warnings, visible.Warning())
	}
	if len(visible.Devices) == 0 {
		return d.none(hiddenReason(s.Visible))
	}
	return d.pick(candidates(visible, s, p, claimed))
}

// Warning returns the line about an entry that hides others.
func (v Visible) Warning() lang.Text {
	const en, zh = "CUDA_VISIBLE_DEVICES: %q hides itself and all after it: %s", "CUDA_VISIBLE_DEVICES: %q 及其后的条目均被忽略: %s"
	return lang.Text{EN: fmt.Sprintf(en, v.Bad, v.Why.EN), ZH: fmt.Sprintf(zh, v.Bad, v.Why.ZH)}
}

func hiddenReason(visible *string) lang.Text {
	if visible == nil {
		return lang.Sprintf("CUDA lists none of the GPUs", "CUDA没有列出任何GPU")
	}
	return lang.Sprintf("CUDA_VISIBLE_DEVICES=%s leaves no GPU", "CUDA_VISIBLE_DEVICES=%s 没有留下可用的GPU", *visible)
}

// candidate is a visible GPU and whether the model fits.
type candidate struct {
	Chosen
	why lang.Text // it cannot be used; empty if it can
}

func candidates(v Visible, s Settings, p Price, claimed map[string]uint64) []candidate {
	list := make([]candidate, len(v.Devices))
	for i, d := range v.Devices {
		if taken := claimed[d.UUID]; taken > 0 {
			d.Free -= min(d.Free, taken)
		}
		c := candidate{Chosen: Chosen{Device: d, Name: fmt.Sprintf("cuda:%d", i), Cap: s.capOf(i, d), Headroom: s.HeadroomOf(d.Total)}}
		switch need := p.Need(); {
		case d.Fault != "":
			c.why = lang.Sprintf("%s: %s", "%s: %s", c.Name, d.Fault)
		case need > c.Cap:
			c.why = lang.Sprintf("%s: the model needs %s, and its cap is %s (%.1f %% of %s)", "%s: 模型需要 %s，显存上限为 %s (%.1f%%，总量 %s)",
				c.Name, GB(need), GB(c.Cap), 100*s.Fraction, GB(d.Total))
		case need > d.Free:
			c.why = lang.Sprintf("%s: the model needs %s, and %s of %s is free%s", "%s: 模型需要 %s，空闲 %s，总量 %s%s", c.Name, GB(need), GB(d.Free), GB(d.Total), holders(d))
		}
		list[i] = c
	}
	return list
}

// holders names those who hold most of a device.
func holders(d Device) string {
	known := slices.DeleteFunc(slices.Clone(d.Processes), func(p Process) bool { return p.Bytes == nil })
	slices.SortFunc(known, func(a, b Process) int { return cmp.Compare(*b.Bytes, *a.Bytes) })
	var parts []string
	for _, p := range known[:min(3, len(known))] {
		parts = append(parts, fmt.Sprintf("PID %d %s %s", p.PID, p.Label(), GB(*p.Bytes)))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// Label returns the process's name, or says that it cannot be known.
func (p Process) Label() string {
	if p.Name == "" {
		return "(other namespace)"
	}
	return p.Name
}

// pick applies the selection to the visible GPUs.
func (d *Decision) pick(list []candidate) (*Decision, error) {
	switch s := d.Settings.Selection; s.Mode {
	case List:
		for _, n := range s.Ordinals {
			if n >= len(list) {
				return nil, fmt.Errorf("SENSEVOICE_DEVICE=%s: there is no cuda:%d; there are: %s", s, n, describe(list))
			}
			if !list[n].why.Empty() {
				return nil, fmt.Errorf("SENSEVOICE_DEVICE=%s: %s", s, list[n].why)
			}
			d.Chosen = append(d.Chosen, list[n].Chosen)
		}
		return d, nil
	case All:
		for _, c := range list {
			if c.why.Empty() {
				d.Chosen = append(d.Chosen, c.Chosen)
			} else {
				d.Warnings = append(d.Warnings, c.why)
			}
		}
	default:
		for _, c := range list {
			if c.why.Empty() && (len(d.Chosen) == 0 || better(c.Chosen, d.Chosen[0])) {
				d.Chosen = []Chosen{c.Chosen}
			}
		}
	}
	if len(d.Chosen) == 0 {
		var en, zh []string
		for _, c := range list {
			en, zh = append(en, c.why.EN), append(zh, c.why.ZH)
		}
		return d.none(lang.Text{EN: strings.Join(en, "; "), ZH: strings.Join(zh, "；")})
	}
	return d, nil
}

// better orders GPUs on which the model fits: more free memory, then less busy, then the lower number.
func better(a, b Chosen) bool {
	if a.Free != b.Free {
		return a.Free > b.Free
	}
	return a.Utilisation != nil && b.Utilisation != nil && *a.Utilisation < *b.Utilisation
}

func describe(list []candidate) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%s (%s, %s free)", c.Name, c.Device.Name, GB(c.Free))
	}
	return strings.Join(parts, ", ")
}

// none decides for the CPU, where that is allowed.
func (d *Decision) none(reason lang.Text) (*Decision, error) {
	if d.Settings.Selection.Mode != Auto {
		return nil, fmt.Errorf("SENSEVOICE_DEVICE=%s, and no GPU can be used: %s", d.Settings.Selection, reason)
	}
	d.Reason = reason
	return d, nil
}

// OnCPU decides for the CPU after all, because of what showed later: that there is no engine for GPUs, or that starting on the GPU failed. It
// gives the claim back. Where the settings do not allow the CPU it is an error.
func (d *Decision) OnCPU(reason lang.Text) (*Decision, error) {
	d.Claim.Release()
	fallback := *d
	fallback.Chosen, fallback.Claim = nil, nil
	return fallback.none(reason)
}

// NoEngine is the reason while there is no engine for GPUs.
var NoEngine = lang.Sprintf("this version has no GPU engine yet", "当前版本尚未包含GPU推理引擎")
