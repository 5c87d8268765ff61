package kernel

// dotGeneric keeps four sums side by side, since an addition waits for the one before.
func dotGeneric(a, b []float32) float32 {
	var s0, s1, s2, s3, rest float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		rest += x * b[i]
	}
	return s0 + s1 + (s2 + s3) + rest
}
