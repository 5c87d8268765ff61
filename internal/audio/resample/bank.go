package resample

import (
	"math"
	"sync"
)

const (
	// crossings is the reach of the filter to either side, in zero crossings of its sinc. With the window's beta it
	// gives the width of the transition between what passes and what is stopped.
	crossings = 32
	// beta of the Kaiser window: side lobes of -90 dB.
	beta = 9
	// stopEdge is where the stop band begins, relative to the lower of the two rates: 8.2 kHz at 16 kHz. What lies
	// between 8 kHz and there folds onto the topmost 200 Hz.
	stopEdge = 0.5125
	// halfWidth is half of the transition's width, relative to the same rate: Kaiser's formula (A - 7.95) / (14.36 N) for
	// N taps and an attenuation of A dB, halved.
	halfWidth = (90 - 7.95) / 14.36 / (2 * crossings) / 2

	// exactTaps bounds the table of a filter that has a row for each phase that occurs.
	exactTaps = 1 << 18
	// fineness is how many phases a zero crossing is cut into where rows are interpolated: the error of a straight line
	// between neighbours is then below -110 dB.
	fineness = 512
)

// bank is a filter cut into phases: row p holds the taps for an output that lies p/phases past an input sample.
type bank struct {
	taps    int // of a row, a multiple of 8
	phases  int
	rows    []float32 // (phases+1) rows: the last is the first of the next sample, for interpolation
	between bool      // whether outputs fall between phases
}

// banks keeps the filters of rates that have been seen: one takes milliseconds to compute. Few rates are common; a stranger's
// many are computed each time.
var banks struct {
	sync.Mutex
	made map[[2]int]*bank
}

// findBank returns the filter that takes from to to, both divided by their greatest common divisor.
func findBank(from, to int) *bank {
	const most = 32
	key := [2]int{from, to}
	banks.Lock()
	b := banks.made[key]
	banks.Unlock()
	if b != nil {
		return b
	}
	b = newBank(from, to)
	banks.Lock()
	defer banks.Unlock()
	if banks.made == nil {
		banks.made = map[[2]int]*bank{}
	}
	if len(banks.made) < most {
		banks.made[key] = b
	}
	return b
}

// newBank computes a filter.
func newBank(from, to int) *bank {
	low := min(1, float64(to)/float64(from)) // the lower rate, relative to from
	reach := int(math.Ceil(crossings / low))
	reach += (4 - reach%4) % 4
	b := &bank{taps: 2 * reach, phases: to}
	if to*b.taps > exactTaps {
		b.phases = int(math.Ceil(fineness * low))
		b.between = true
	}
	b.rows = make([]float32, (b.phases+1)*b.taps)
	cutoff := (stopEdge - halfWidth) * low // in cycles per input sample
	row := make([]float64, b.taps)
	for p := range b.phases + 1 {
		offset := float64(p)/float64(b.phases) + float64(reach-1)
		sum := 0.0
		for k := range row {
			row[k] = sinc(2*cutoff*(float64(k)-offset)) * kaiser((float64(k)-offset)*low/crossings)
			sum += row[k]
		}
		for k, x := range row {
			b.rows[p*b.taps+k] = float32(x / sum) // silence stays silence, a constant stays itself
		}
	}
	return b
}

// row returns the taps of phase p.
func (b *bank) row(p int) []float32 { return b.rows[p*b.taps:][:b.taps] }

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x between -1 and 1, not normalised.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta * math.Sqrt(1-x*x))
}

// bessel is the modified Bessel function of the first kind and order 0, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}
