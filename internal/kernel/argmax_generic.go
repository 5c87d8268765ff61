package kernel

import "math"

func argMaxGeneric(logits []float32, rows int, out *ArgMax) {
	*out = ArgMax{}
	for l := range out.Max {
		out.Max[l] = float32(math.Inf(-1))
	}
	for r := range rows {
		for l, v := range logits[r*Lanes:][:Lanes] {
			if v > out.Max[l] {
				out.Max[l], out.Index[l] = v, int32(r)
			}
		}
	}
	for r := range rows {
		for l, v := range logits[r*Lanes:][:Lanes] {
			out.Sum[l] += float32(math.Exp(float64(v - out.Max[l])))
		}
	}
}
