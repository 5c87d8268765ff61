package gpu

import (
	"reflect"
	"strings"
	"testing"
)

func TestParsePinned(t *testing.T) {
	for text, want := range map[string]Pinned{
		"":                        {},
		"0=1G":                    {"0": 1 << 30},
		" 0 = 1g, GPU-a=512MB , ": {"0": 1 << 30, "GPU-a": 512 << 20},
	} {
		if got, err := ParsePinned(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1G", "0=", "=1G", "0=1", "0=G", "0=-1G", "0=1T", "0=99999999999999999999G", "0=18446744073709551615M", "0=B"} {
		if got, err := ParsePinned(text); err == nil || !strings.Contains(err.Error(), "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParsePinned(f *testing.F) {
	f.Add("0=1G,GPU-a=512M")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ParsePinned(text) })
}

func TestCap(t *testing.T) {
	s := Settings{Fraction: 0.5, Pinned: Pinned{"1": 3 << 30, "GPU-c": 1 << 30, "GPU-d": 90 << 30}}
	for place, want := range []uint64{5 << 30, 3 << 30, 1 << 30, 5 << 30} {
		d := Device{UUID: "GPU-" + string(rune('a'+place)), Total: 10 << 30}
		if got := s.capOf(place, d); got != want {
			t.Errorf("device %d may hold %d, want %d", place, got, want)
		}
	}
	if _, err := NewSettings("auto", 0.5, -1, func(name string) (string, bool) { return "x", name == "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT" }); err == nil {
		t.Error("a wrong limit was taken")
	}
}

func TestDefaultFraction(t *testing.T) {
	for release, want := range map[string]float64{"5.15.167.4-microsoft-standard-WSL2\n": 0.7, "4.4.0-19041-Microsoft": 0.7, "6.1.0-29-amd64": 0.95, "": 0.95} {
		if got := fractionOn(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}
