package kernel

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
	_ = f.Dst[f.Channels*Lanes-1]
	_ = f.Series[(f.Channels-1)*f.Pitch+Lanes+f.Taps-2]
	_ = f.Weights[f.Channels*f.Taps-1]
	s.fsmn(f)
}
