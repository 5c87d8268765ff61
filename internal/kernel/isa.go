package kernel

import (
	"fmt"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// ISA is an instruction set that kernels are written for.
type ISA uint8

// The instruction sets, from the one that runs everywhere to the fastest.
const (
	Portable ISA = iota // plain Go
	AVX2                // with FMA and F16C: Intel since Haswell (2013), AMD since Excavator (2015)
	AVX512              // with AVX2, FMA and F16C: Intel servers since Skylake (2017), AMD since Zen 4 (2022)
	isaCount
)

func (i ISA) String() string { return [...]string{"portable", "avx2", "avx512"}[i] }

// Set is the kernels of one instruction set.
type Set struct {
	isa      ISA
	tileRows int // weight rows that gemm takes at once

	gemm        func(*GEMM)
	scores      func(*Scores)
	softmax     func(scores []float32, rows int, scale float32, sums *[Lanes]float32)
	divideLanes func(dst, src []float32, divisors *[Lanes]float32, channels, low, high int)
	layerNorm   func(dst, src, gamma, beta []float32)
	fsmn        func(*FSMN)
	argMax      func(logits []float32, rows int, out *ArgMax)
	float16     func(dst []float32, src []byte)
	q8          func(dst []float32, src []byte)
	dot         func(a, b []float32) float32
	peak        func(rounds int) (flops int)
}

// ISA returns the set's instruction set.
func (s *Set) ISA() ISA { return s.isa }

// Available lists the instruction sets that this processor and build can run, the slowest first.
func Available() []ISA {
	var list []ISA
	for isa := range isaCount {
		if reason(isa) == "" {
			list = append(list, isa)
		}
	}
	return list
}

// Select returns the kernels of the named instruction set; "" and "auto" choose the fastest that runs here.
// A name that is unknown, or that this processor cannot run, is an error.
func Select(name string) (*Set, error) {
	available := Available()
	if name == "" || name == "auto" {
		return newSet(available[len(available)-1]), nil
	}
	var known []string
	for isa := range isaCount {
		if !strings.EqualFold(name, isa.String()) {
			known = append(known, isa.String())
			continue
		}
		if why := reason(isa); why != "" {
			return nil, fmt.Errorf("instruction set %q cannot run here: %s (this machine runs %s)", isa, why, join(available))
		}
		return newSet(isa), nil
	}
	return nil, fmt.Errorf("unknown instruction set %q (auto, %s)", name, strings.Join(known, ", "))
}

func join(list []ISA) string {
	names := make([]string, len(list))
	for i, isa := range list {
		names[i] = isa.String()
	}
	return strings.Join(names, ", ")
}

// reason says why an instruction set cannot be used, or nothing if it can.
func reason(isa ISA) string {
	switch {
	case isa == Portable:
		return ""
	case !assembly:
		return "this build has no assembly for it"
	case !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C):
		return "the processor lacks AVX2, FMA or F16C"
	case isa == AVX512 && !cpuid.CPU.Supports(cpuid.AVX512F):
		return "the processor lacks AVX-512"
	}
	return ""
}

func newSet(isa ISA) *Set {
	switch isa {
	case AVX512:
		return avx512()
	case AVX2:
		return avx2()
	}
	return portable()
}

func portable() *Set {
	return &Set{
		isa: Portable, tileRows: 6, gemm: gemmGeneric, scores: scoresGeneric, softmax: softmaxGeneric, divideLanes: divideLanesGeneric,
		layerNorm: layerNormGeneric, fsmn: fsmnGeneric, argMax: argMaxGeneric, float16: float16Generic, q8: q8Generic, dot: dotGeneric,
		peak: peakGeneric,
	}
}
