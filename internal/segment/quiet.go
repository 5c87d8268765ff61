package segment

const (
	window = 3200 // samples, 200 ms: longer than the closure of a stop consonant
	step   = 160  // samples, 10 ms
)

// quietest returns the middle of the quietest window, less half a window: how far into the range of possible cuts it lies. Of
// equals it takes the last.
func quietest(sound []float32) int64 {
	energies := make([]float64, len(sound)/step)
	for i := range energies {
		for _, x := range sound[i*step:][:step] {
			energies[i] += float64(x) * float64(x)
		}
	}
	const steps = window / step
	best, least := 0, -1.0
	for i := range len(energies) - steps + 1 {
		sum := 0.0
		for _, e := range energies[i : i+steps] {
			sum += e
		}
		if least < 0 || sum <= least {
			best, least = i, sum
		}
	}
	return int64(best * step)
}
