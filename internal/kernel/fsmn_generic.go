package kernel

func fsmnGeneric(f *FSMN) {
	for c := range f.Channels {
		series := f.Series[c*f.Pitch:]
		for l := f.Low; l < f.High; l++ {
			sum := series[l+f.Left]
			for j, w := range f.Weights[c*f.Taps:][:f.Taps] {
				sum += w * series[l+j]
			}
			if f.Add {
				sum += f.Dst[c*Lanes+l]
			}
			f.Dst[c*Lanes+l] = sum
		}
	}
}
