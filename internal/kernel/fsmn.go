package kernel

import "fmt"

// FSMN is the memory of SenseVoice's attention for one panel: the values plus a depthwise convolution
// of them over time, for lanes Low to High (exclusive):
//
//	Dst[c][lane] = v[c][t] + Σ_j Weights[c][j]·v[c][t+j-Left],  t the time of the lane
//
// or, with Add, that much more than Dst held. Other lanes of Dst stay as they are.
type FSMN struct {
	Dst       []float32 // a panel of Channels channels
	Series    []float32 // v[c] in time order from Series[c*Pitch]; index 0 is Left before lane 0's time
	Pitch     int
	Weights   []float32 // Channels rows of Taps
	Taps      int
	Left      int // taps before the present, less than Taps
	Channels  int
	Low, High int
	Add       bool
}

// FSMN computes the memory of one panel. Series is read for all 16 lanes, whatever Low and High say.
func (s *Set) FSMN(f *FSMN) {
	checkLanes(f.Low, f.High)
	if f.Left < 0 || f.Left >= f.Taps {
		panic(fmt.Sprintf("kernel: %d of %d taps before the present", f.Left, f.Taps))
	}
	_ = f.Dst[f.Channels*Lanes-1]
	_ = f.Series[(f.Channels-1)*f.Pitch+Lanes+f.Taps-2]
	_ = f.Weights[f.Channels*f.Taps-1]
	s.fsmn(f)
}

// checkLanes panics unless low to high (exclusive) are lanes of a panel.
func checkLanes(low, high int) {
	if low < 0 || high > Lanes {
		panic(fmt.Sprintf("kernel: lanes %d to %d of %d", low, high, Lanes))
	}
}
