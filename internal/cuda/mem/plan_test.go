package mem

import (
	"testing"

	"sensevoice/internal/sensevoice"
)

// TestPlan pins the bytes of SenseVoiceSmall's batches.
func TestPlan(t *testing.T) {
	c := sensevoice.Released()
	perRow := uint64(0)
	for _, r := range Regions(c, FP16) {
		perRow += r.Bytes
	}
	if perRow != 2048+1152+4096+2*1920+16 {
		t.Errorf("%d bytes a row, want 11152", perRow)
	}
	for _, b := range []struct {
		rows int
		mib  float64
	}{{171, 2.7}, {8 * 171, 15.0}, {64 * 171, 117.1}, {504, 5.4}, {64 * 504, 343.1}} {
		if got := float64(WorkspaceBytes(c, FP16, b.rows)) / mib; !(got > b.mib-0.15 && got < b.mib+0.15) {
			t.Errorf("%d rows: %.2f MiB, want %.1f", b.rows, got, b.mib)
		}
	}
	for p, want := range map[Precision]float64{FP16: 447.6, FP32: 892.3} {
		if got := float64(WeightBytes(c, p)) / mib; !(got > want && got < want+2) { // and the positions, 1.3 MiB
			t.Errorf("weights in %v: %.2f MiB, want %.1f and a little", p, got, want)
		}
	}
	price := Price(c, FP16)
	if price.Need() != price.Context+price.Weights+price.Floor || price.Floor/mib != 6 {
		t.Errorf("%+v", price)
	}
}

// TestTenantsDoNotMeet makes sure that buffers in one region do not live at the same time.
func TestTenantsDoNotMeet(t *testing.T) {
	for _, p := range []Precision{FP16, FP32} {
		for _, r := range Regions(sensevoice.Released(), p) {
			for i, a := range r.Tenant {
				if a.Bytes > r.Bytes || a.From > a.To {
					t.Errorf("%s: %+v does not fit", r.Name, a)
				}
				for _, b := range r.Tenant[:i] {
					if a.From <= b.To && b.From <= a.To {
						t.Errorf("%s: %s and %s live at the same time", r.Name, a.Name, b.Name)
					}
				}
			}
		}
	}
}

func TestFrames(t *testing.T) {
	for samples, want := range map[int]int{400: 5, 160_000: 171, 480_000: 504} {
		if got, err := Frames(samples); got != want || err != nil {
			t.Errorf("%d samples: %d rows, %v, want %d", samples, got, err, want)
		}
	}
	if _, err := Frames(399); err == nil {
		t.Error("399 samples have rows")
	}
}
