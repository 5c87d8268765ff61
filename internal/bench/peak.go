package bench

import (
	"sync"
	"time"

	"sensevoice/internal/kernel"
)

// Peak measures how many floating-point operations a second so many threads can do at once with these kernels' widest
// multiply-adds: the roof that no program gets above.
func Peak(kernels *kernel.Set, threads int) (flops float64) {
	const attempts = 5
	rounds := 1 << 20
	if kernels.ISA() == kernel.Portable {
		rounds = 1 << 18
	}
	for range attempts {
		var work sync.WaitGroup
		start, done := time.Now(), make([]int, threads)
		for t := range threads {
			work.Go(func() { done[t] = kernels.Peak(rounds) })
		}
		work.Wait()
		total := 0
		for _, n := range done {
			total += n
		}
		flops = max(flops, float64(total)/time.Since(start).Seconds())
	}
	return flops
}
