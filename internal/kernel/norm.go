package kernel

// Epsilon is what layer normalisation adds to the variance.
const Epsilon = 1e-5

// LayerNorm normalises one panel of len(gamma) channels: each row to mean 0 and variance 1 over its
// channels, then times gamma plus beta. dst may be src.
func (s *Set) LayerNorm(dst, src, gamma, beta []float32) {
	channels := len(gamma)
	_, _, _ = dst[channels*Lanes-1], src[channels*Lanes-1], beta[channels-1]
	s.layerNorm(dst, src, gamma, beta)
}
