package kernel

import "math"

func softmaxGeneric(scores []float32, rows int, scale float32, sums *[Lanes]float32) {
	var largest [Lanes]float32
	copy(largest[:], scores[:Lanes])
	for r := range rows {
		for l, v := range scores[r*Lanes:][:Lanes] {
			largest[l] = max(largest[l], v)
		}
	}
	*sums = [Lanes]float32{}
	for r := range rows {
		row := scores[r*Lanes:][:Lanes]
		for l, v := range row {
			row[l] = float32(math.Exp(float64(scale * (v - largest[l]))))
			sums[l] += row[l]
		}
	}
}

func divideLanesGeneric(dst, src []float32, divisors *[Lanes]float32, channels, low, high int) {
	for c := range channels {
		for l := low; l < high; l++ {
			dst[c*Lanes+l] = src[c*Lanes+l] * (1 / divisors[l])
		}
	}
}
