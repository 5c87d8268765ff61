package gpu

import (
	"fmt"
	"strings"
	"testing"

	"sensevoice/internal/lang"
)

const gib = 1 << 30

// total is what a 24 GB card shows: 23.53 GiB.
var total = uint64(gib / 100 * 2353)

// rack is a machine of 24 GB cards of which so many bytes are free.
func rack(free ...float64) *Snapshot {
	s := &Snapshot{}
	for i, f := range free {
		bytes := total - uint64(f*gib)
		s.Devices = append(s.Devices, Device{
			Ordinal: i, Index: i, UUID: fmt.Sprintf("GPU-%d%d", i/2, i), Name: "RTX 4090", Total: total, Free: uint64(f * gib), Used: bytes,
			Processes: []Process{{PID: uint32(1000 + i), Name: "python3", Bytes: &bytes}},
		})
	}
	return s
}

func setting(t *testing.T, device string) Settings {
	t.Helper()
	selection, err := ParseSelection(device)
	if err != nil {
		t.Fatal(err)
	}
	return Settings{Selection: selection, Fraction: 0.95, Alloc: AllocConf{Expandable: true}}
}

func pointer(s string) *string { return &s }

var price = Price{Context: 512 << 20, Weights: 448 << 20, Floor: 8 << 20}

func TestVisible(t *testing.T) {
	s := rack(1, 2, 3, 4)
	s.Devices[0].Ordinal, s.Devices[3].Ordinal = 3, 0 // CUDA's order is not the bus's
	s.Devices = append(s.Devices,
		Device{Ordinal: -1, UUID: "GPU-cut", Cut: true},
		Device{Ordinal: -1, UUID: "MIG-aa", Parent: "GPU-cut"},
		Device{Ordinal: -1, UUID: "MIG-ab", Parent: "GPU-cut"})
	for _, c := range []struct {
		setting *string
		want    string
		bad     string
	}{
		{nil, "GPU-13 GPU-01 GPU-12 GPU-00", ""},
		{pointer(""), "", ""},
		{pointer("0"), "GPU-13", ""},
		{pointer("3,1"), "GPU-00 GPU-01", ""},
		{pointer(" 3 , 1 "), "GPU-00 GPU-01", ""},
		{pointer("3,9,1"), "GPU-00", "9"},
		{pointer("-1,0"), "", "-1"},
		{pointer("1,1,2"), "GPU-01", "1"},
		{pointer("0,,1"), "GPU-13", ""},
		{pointer("GPU-01,GPU-13"), "GPU-01 GPU-13", ""},
		{pointer("GPU-0"), "", "GPU-0"}, // fits two
		{pointer("GPU-cut"), "", "GPU-cut"},
		{pointer("MIG-ab,0"), "MIG-ab GPU-13", ""},
		{pointer("NoDevFiles"), "", "NoDevFiles"},
	} {
		v := VisibleOf(s, c.setting)
		var got []string
		for _, d := range v.Devices {
			got = append(got, d.UUID)
		}
		if strings.Join(got, " ") != c.want || (v.Bad != c.bad && *c.setting != "0,,1") || v.Why.Empty() != (v.Bad == "" && v.Why.Empty()) {
			t.Errorf("%v: %v, bad %q (%v), want %s, %q", c.setting, got, v.Bad, v.Why, c.want, c.bad)
		}
	}
}

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		device  string
		visible *string
		seen    *Snapshot
		claimed map[string]uint64
		want    string // devices, or the reason for the CPU
		fails   string
	}{
		{device: "auto", seen: rack(0.1, 0.5, 2, 1, 4.33, 3, 0, 0.2), want: "cuda:4"},
		{device: "cuda", seen: rack(1, 2, 1), want: "cuda:1"},
		{device: "auto", seen: rack(2, 2, 2), want: "cuda:0"},
		{device: "auto", seen: rack(2, 2.5), claimed: map[string]uint64{"GPU-01": gib}, want: "cuda:0"},
		{device: "auto", seen: rack(0.1, 0.5), want: "cuda:0: the model needs 0.95GB, and 0.10GB of 23.53GB is free (PID 1000 python3 23.43GB); cuda:1: "},
		{device: "cuda", seen: rack(0.1), fails: "SENSEVOICE_DEVICE=cuda, and no GPU can be used: cuda:0: the model needs"},
		{device: "cuda:1", seen: rack(4, 2), want: "cuda:1"},
		{device: "cuda:1", visible: pointer("2,0"), seen: rack(4, 2, 3), want: "cuda:1"},
		{device: "cuda:2", seen: rack(4, 2), fails: "there is no cuda:2; there are: cuda:0 (RTX 4090, 4.00GB free), cuda:1 (RTX 4090, 2.00GB free)"},
		{device: "cuda:0", seen: rack(0.5), fails: "the model needs 0.95GB, and 0.50GB of 23.53GB is free"},
		{device: "cuda:0,cuda:2", seen: rack(4, 2, 3), want: "cuda:0 cuda:2"},
		{device: "cuda:all", seen: rack(4, 0.1, 3), want: "cuda:0 cuda:2"},
		{device: "cuda:all", seen: rack(0.1), fails: "no GPU can be used"},
		{device: "auto", visible: pointer(""), seen: rack(4), want: "CUDA_VISIBLE_DEVICES= leaves no GPU"},
		{device: "auto", visible: pointer("7"), seen: rack(4), want: "CUDA_VISIBLE_DEVICES=7 leaves no GPU"},
		{device: "auto", seen: &Snapshot{Problems: []Problem{{Code: ProblemNoNVML, Detail: "x"}}}, want: "the NVIDIA driver's library libnvidia-ml.so.1 is not there (x)"},
		{device: "cuda:0", seen: &Snapshot{Problems: []Problem{{Code: ProblemOldDriver, Number: 10020}}}, fails: "it supports CUDA 10.2, and 11.0 is needed"},
		{device: "cpu", seen: rack(4), want: ""},
	} {
		s := setting(t, c.device)
		s.Visible = c.visible
		d, err := Decide(c.seen, s, price, c.claimed)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %q", c.device, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.device, err)
			continue
		}
		var got []string
		for _, chosen := range d.Chosen {
			got = append(got, chosen.Name)
		}
		if text := strings.Join(got, " "); text != c.want && (text != "" || !strings.Contains(d.Reason.EN, c.want)) {
			t.Errorf("%s: %q, reason %q, want %q", c.device, text, d.Reason.EN, c.want)
		}
		if len(got) > 0 && d.Chosen[0].Cap != uint64(0.95*float64(d.Chosen[0].Total)) {
			t.Errorf("%s: cap %d", c.device, d.Chosen[0].Cap)
		}
	}
}

// TestTies prefers the card that computes less where free memory is equal.
func TestTies(t *testing.T) {
	seen := rack(2, 2, 2)
	for i, v := range []int{90, 10, 50} {
		seen.Devices[i].Utilisation = &v
	}
	d, err := Decide(seen, setting(t, "auto"), price, nil)
	if err != nil || d.Setting() != "cuda:1" {
		t.Errorf("%v, %v", d.Setting(), err)
	}
}

// TestLines pins what operators look for in the log.
func TestLines(t *testing.T) {
	s := setting(t, "auto")
	s.Alloc.Ignored = []string{"max_split_size_mb"}
	d, err := Decide(rack(1, 1, 1, 1, 23.52), s, price, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `PYTORCH_CUDA_ALLOC_CONF: 以下设置在此无作用: max_split_size_mb
自动选择显存空闲最多的GPU: cuda:4 (空闲 23.52GB)
设置显存使用上限为 95.0%
显存管理设置完成（已启用expandable_segments避免碎片化）`
	if got := strings.Join(d.Lines(lang.Chinese), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `PYTORCH_CUDA_ALLOC_CONF: no effect here: max_split_size_mb
Chose the GPU with most free memory: cuda:4 (23.52GB free)
GPU memory is capped at 95.0 %
GPU memory is managed (expandable_segments is on: no fragmentation)`
	if got := strings.Join(d.Lines(lang.English), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	cpu, err := d.OnCPU(NoEngine)
	if err != nil || cpu.Setting() != "cpu" || !strings.HasPrefix(cpu.Lines(lang.Chinese)[1], "没有可用的GPU，改用CPU推理: ") {
		t.Errorf("%+v, %v", cpu, err)
	}
	s.Selection.Mode = Any
	if d, err = Decide(rack(4), s, price, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.OnCPU(NoEngine); err == nil {
		t.Error("cuda fell back to the CPU")
	}
}

// TestEveryProblemIsExplained has a line in both languages for each code, and a remedy.
func TestEveryProblemIsExplained(t *testing.T) {
	for _, code := range []string{
		ProblemPlatform, ProblemNoHelper, ProblemHelper, ProblemHelperHang, ProblemNoNVML, ProblemNVMLHang, ProblemNVML, ProblemNoCUDA, ProblemCUDAHang,
		ProblemCUDA, ProblemOldDriver, ProblemNoDevice, ProblemMemory, ProblemPartly,
	} {
		for _, number := range []int{0, 4, 9, 15, 18, 34, 100, 802, 803, 999, 10020} {
			p := Problem{Code: code, Detail: "detail", Number: number}
			for _, text := range []lang.Text{p.What(), p.Fix()} {
				if text.EN == "" || text.ZH == "" || strings.Contains(text.EN+text.ZH, "%!") || strings.Contains(text.EN, "\n") {
					t.Errorf("%+v: %+v", p, text)
				}
			}
		}
	}
}
