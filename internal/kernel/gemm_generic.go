package kernel

func gemmGeneric(g *GEMM) {
	for p := range Panels(g.Rows) {
		x, y := g.X[p*g.XPitch:], g.Y[p*g.YPitch:]
		for n := range g.N {
			var sum [Lanes]float32
			dot(&sum, g.W[n*g.LDW:][:g.K], x)
			finish((*[Lanes]float32)(y[n*Lanes:]), &sum, g, n)
		}
	}
}

func dot(sum *[Lanes]float32, w, x []float32) {
	for k, weight := range w {
		lanes := (*[Lanes]float32)(x[k*Lanes:])
		for l, v := range lanes {
			sum[l] += weight * v
		}
	}
}

func finish(y, sum *[Lanes]float32, g *GEMM, n int) {
	for l, v := range sum {
		if g.Bias != nil {
			v += g.Bias[n]
		}
		if g.Add {
			v += y[l]
		}
		if g.ReLU && v < 0 {
			v = 0
		}
		y[l] = v
	}
}

func scoresGeneric(a *Scores) {
	for p := range a.Panels {
		keys := a.Keys[p*a.Pitch:]
		out := (*[Lanes * Lanes]float32)(a.Out[p*Lanes*Lanes:])
		clear(out[:])
		for d := range a.Depth {
			key, query := (*[Lanes]float32)(keys[d*Lanes:]), (*[Lanes]float32)(a.Query[d*Lanes:])
			for k, weight := range key {
				for l, q := range query {
					out[k*Lanes+l] += weight * q
				}
			}
		}
	}
}

func peakGeneric(rounds int) (flops int) {
	var sums [Lanes]float32
	for range rounds {
		for l := range sums {
			sums[l] += sums[l] * sums[l]
		}
	}
	return 2 * Lanes * rounds
}
