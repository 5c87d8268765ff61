package gpu

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseSelection(t *testing.T) {
	for text, want := range map[string]Selection{
		"":                {Mode: Auto},
		"auto":            {Mode: Auto},
		" AUTO ":          {Mode: Auto},
		"cpu":             {Mode: CPU},
		"cuda":            {Mode: Any},
		"cuda:all":        {Mode: All},
		"cuda:0":          {Mode: List, Ordinals: []int{0}},
		"cuda:0, CUDA:12": {Mode: List, Ordinals: []int{0, 12}},
	} {
		got, err := ParseSelection(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := ParseSelection(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q: its text %q reads as %+v, %v", text, got, again, err)
		}
	}
	for text, why := range map[string]string{
		"gpu": `"gpu" is none`, "cuda:": `"" is no GPU's number`, "cuda:-1": "no GPU's number", "cuda:+1": "no GPU's number", "cuda:1,": `"" is none`,
		"cuda:1,cuda:1": "named twice", "cuda:0x1": "no GPU's number", "cuda:99999999999999999999": "no GPU's number", "cuda:1,cpu": `"cpu" is none`,
	} {
		if _, err := ParseSelection(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

func TestParseAllocConf(t *testing.T) {
	for text, want := range map[string]AllocConf{
		"":                          {Expandable: true},
		"expandable_segments:True":  {Expandable: true},
		"expandable_segments:False": {},
		" garbage_collection_threshold:0.8 , expandable_segments:True,": {Expandable: true, Threshold: 0.8},
		"max_split_size_mb:128,roundup_power2_divisions:[256:1,512:2],expandable_segments:False,backend:native": {
			Ignored: []string{"max_split_size_mb", "roundup_power2_divisions", "backend"},
		},
	} {
		if got, err := ParseAllocConf(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"expandable_segments", "expandable_segments:maybe", "garbage_collection_threshold:1.5", "garbage_collection_threshold:NaN", ":1", "a:[1,2"} {
		if got, err := ParseAllocConf(text); err == nil && len(got.Ignored) == 0 {
			t.Errorf("%q: %+v without an error", text, got)
		}
	}
	note := AllocConf{Ignored: []string{"backend", "max_split_size_mb"}}.Note()
	if note.EN != "PYTORCH_CUDA_ALLOC_CONF: no effect here: backend, max_split_size_mb" || note.ZH == "" {
		t.Errorf("%+v", note)
	}
}

func FuzzParseAllocConf(f *testing.F) {
	f.Add("expandable_segments:True,a:[1,[2]],b:]")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = ParseAllocConf(text)
		_, _ = ParseSelection(text)
	})
}

func TestNewSettings(t *testing.T) {
	env := map[string]string{"CUDA_VISIBLE_DEVICES": "", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
	lookup := func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	s, err := NewSettings("auto", 0.95, -1, lookup)
	if err != nil || s.Visible == nil || *s.Visible != "" || s.Order != "PCI_BUS_ID" {
		t.Errorf("%+v, %v", s, err)
	}
	if h := s.HeadroomOf(80 << 30); h != 80<<30/100*3 {
		t.Errorf("headroom of 80 GiB: %d", h)
	}
	if h := s.HeadroomOf(8 << 30); h != 512<<20 {
		t.Errorf("headroom of 8 GiB: %d", h)
	}
	if s, err = NewSettings("auto", 0.95, 0, lookup); err != nil || s.HeadroomOf(8<<30) != 0 {
		t.Errorf("a headroom of 0: %d, %v", s.HeadroomOf(8<<30), err)
	}
	env["CUDA_DEVICE_ORDER"] = "pci"
	if _, err := NewSettings("auto", 0.95, -1, lookup); err == nil {
		t.Error("an unknown order was taken")
	}
	delete(env, "CUDA_DEVICE_ORDER")
	for _, fraction := range []float64{0, -1, 1.01} {
		if _, err := NewSettings("auto", fraction, -1, lookup); err == nil {
			t.Errorf("a fraction of %v was taken", fraction)
		}
	}
}
