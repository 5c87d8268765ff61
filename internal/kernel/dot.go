package kernel

// Dot returns the sum of products of two rows of the same length.
func (s *Set) Dot(a, b []float32) float32 { return s.dot(a, b[:len(a)]) }
