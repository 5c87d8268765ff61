package gpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/lang"
)

// Mode is how a GPU is chosen.
type Mode uint8

// The modes.
const (
	Auto Mode = iota // the visible GPU with most free memory, else the CPU
	CPU              // no GPU
	Any              // as Auto, but never the CPU
	List             // those that are named
	All              // all visible ones
)

// Selection is a parsed SENSEVOICE_DEVICE.
type Selection struct {
	Mode     Mode
	Ordinals []int // of List: within what is visible
}

// maxOrdinal bounds N of cuda:N.
const maxOrdinal = 1023

// ParseSelection reads auto, cpu, cuda, cuda:all, cuda:N, or several of cuda:N with commas between.
func ParseSelection(text string) (Selection, error) {
	fail := func(why string) (Selection, error) {
		return Selection{}, fmt.Errorf("device %q: %s: must be auto, cpu, cuda, cuda:N, cuda:N,cuda:M or cuda:all", text, why)
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "auto":
		return Selection{Mode: Auto}, nil
	case "cpu":
		return Selection{Mode: CPU}, nil
	case "cuda":
		return Selection{Mode: Any}, nil
	case "cuda:all":
		return Selection{Mode: All}, nil
	}
	s := Selection{Mode: List}
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		number, ok := strings.CutPrefix(strings.TrimSpace(part), "cuda:")
		if !ok {
			return fail(fmt.Sprintf("%q is none", strings.TrimSpace(part)))
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > maxOrdinal || number[0] == '+' {
			return fail(fmt.Sprintf("%q is no GPU's number", number))
		}
		if slices.Contains(s.Ordinals, n) {
			return fail(fmt.Sprintf("cuda:%d is named twice", n))
		}
		s.Ordinals = append(s.Ordinals, n)
	}
	return s, nil
}

// String returns the text that ParseSelection reads.
func (s Selection) String() string {
	switch s.Mode {
	case Auto:
		return "auto"
	case CPU:
		return "cpu"
	case Any:
		return "cuda"
	case All:
		return "cuda:all"
	}
	names := make([]string, len(s.Ordinals))
	for i, n := range s.Ordinals {
		names[i] = fmt.Sprintf("cuda:%d", n)
	}
	return strings.Join(names, ",")
}

// Settings are what the user chose about GPUs.
type Settings struct {
	Selection Selection
	Visible   *string // CUDA_VISIBLE_DEVICES; nil: not set
	Order     string  // CUDA_DEVICE_ORDER
	Fraction  float64 // of a GPU's total that is never exceeded
	Headroom  int64   // bytes left to others; negative: the larger of 512 MiB and 3 %
	Pinned    Pinned  // by MPS
	Alloc     AllocConf
	Helper    string // path of sensevoice-gpu; "": beside this program
}

// NewSettings reads what is in the environment beside what the configuration has already: device is SENSEVOICE_DEVICE, and a negative
// headroom the default.
func NewSettings(device string, fraction float64, headroom int64, lookup func(string) (string, bool)) (Settings, error) {
	selection, err := ParseSelection(device)
	if err != nil {
		return Settings{}, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return Settings{}, fmt.Errorf("GPU memory fraction %v: must be above 0 and at most 1", fraction)
	}
	s := Settings{Selection: selection, Fraction: fraction, Headroom: headroom}
	if v, set := lookup("CUDA_VISIBLE_DEVICES"); set {
		s.Visible = &v
	}
	s.Order, _ = lookup("CUDA_DEVICE_ORDER")
	if s.Order != "" && s.Order != "FASTEST_FIRST" && s.Order != "PCI_BUS_ID" {
		return Settings{}, fmt.Errorf("CUDA_DEVICE_ORDER=%s: must be FASTEST_FIRST or PCI_BUS_ID", s.Order)
	}
	s.Helper, _ = lookup("SENSEVOICE_GPU_HELPER")
	pinned, _ := lookup("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT")
	if s.Pinned, err = ParsePinned(pinned); err != nil {
		return Settings{}, err
	}
	conf, _ := lookup("PYTORCH_CUDA_ALLOC_CONF")
	s.Alloc, err = ParseAllocConf(conf)
	return s, err
}

// HeadroomOf returns the bytes of a device with so much memory that are left to others.
func (s Settings) HeadroomOf(total uint64) uint64 {
	if s.Headroom >= 0 {
		return uint64(s.Headroom)
	}
	return max(512<<20, total/100*3)
}

// CapOf returns the bytes of a device with so much memory that this process never exceeds.
func (s Settings) CapOf(total uint64) uint64 { return uint64(s.Fraction * float64(total)) }

// AllocConf is a parsed PYTORCH_CUDA_ALLOC_CONF, as it is written for the Python service.
type AllocConf struct {
	Expandable bool     // the arena grows and shrinks (true), or is one fixed block
	Threshold  float64  // of the cap, above which memory that is not needed goes back at once; 0: not set
	Ignored    []string // keys that mean nothing here
}

// ParseAllocConf reads key:value pairs with commas between. Values may be lists in brackets.
func ParseAllocConf(text string) (AllocConf, error) {
	conf := AllocConf{Expandable: true}
	for _, pair := range splitOutsideBrackets(text) {
		key, value, ok := strings.Cut(pair, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || value == "" {
			return conf, fmt.Errorf("PYTORCH_CUDA_ALLOC_CONF: %q is not key:value", pair)
		}
		switch key {
		case "expandable_segments":
			switch value {
			case "True", "true":
				conf.Expandable = true
			case "False", "false":
				conf.Expandable = false
			default:
				return conf, fmt.Errorf("PYTORCH_CUDA_ALLOC_CONF: expandable_segments:%s: must be True or False", value)
			}
		case "garbage_collection_threshold":
			v, err := strconv.ParseFloat(value, 64)
			if err != nil || !(v > 0 && v < 1) {
				return conf, fmt.Errorf("PYTORCH_CUDA_ALLOC_CONF: garbage_collection_threshold:%s: must be above 0 and below 1", value)
			}
			conf.Threshold = v
		default:
			conf.Ignored = append(conf.Ignored, key)
		}
	}
	return conf, nil
}

func splitOutsideBrackets(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range text + "," {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth <= 0 {
				if part := strings.TrimSpace(text[start:i]); part != "" {
					parts = append(parts, part)
				}
				start = i + 1
			}
		}
	}
	if start < len(text) {
		parts = append(parts, text[start:])
	}
	return parts
}

// Note returns the line about keys that have no effect, or an empty text.
func (c AllocConf) Note() lang.Text {
	if len(c.Ignored) == 0 {
		return lang.Text{}
	}
	return lang.Sprintf("PYTORCH_CUDA_ALLOC_CONF: no effect here: %s", "PYTORCH_CUDA_ALLOC_CONF: 以下设置在此无作用: %s", strings.Join(c.Ignored, ", "))
}
