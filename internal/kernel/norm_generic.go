package kernel

import "math"

func layerNormGeneric(dst, src, gamma, beta []float32) {
	var mean, scale [Lanes]float32
	count := float32(len(gamma))
	for c := range gamma {
		for l, v := range src[c*Lanes:][:Lanes] {
			mean[l] += v
		}
	}
	for l := range mean {
		mean[l] /= count
	}
	for c := range gamma {
		for l, v := range src[c*Lanes:][:Lanes] {
			scale[l] += (v - mean[l]) * (v - mean[l])
		}
	}
	for l, variance := range scale {
		scale[l] = float32(1 / math.Sqrt(float64(variance/count+Epsilon)))
	}
	for c, g := range gamma {
		for l, v := range src[c*Lanes:][:Lanes] {
			dst[c*Lanes+l] = (v-mean[l])*scale[l]*g + beta[c]
		}
	}
}
