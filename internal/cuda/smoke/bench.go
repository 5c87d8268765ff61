//go:build linux && (amd64 || arm64)

package smoke

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"

	"sensevoice/internal/cuda/driver"
	"sensevoice/internal/cuda/kernel"
)

// bench runs kernels on made-up numbers and compares.
type bench struct {
	*run
	set    *kernel.Set
	random *rand.Rand
	blocks []driver.Address
}

// release frees what the last kernel worked on.
func (b *bench) release() error {
	var failed []error
	for _, a := range b.blocks {
		failed = append(failed, b.device.Driver().Free(a))
	}
	b.blocks = nil
	return errors.Join(failed...)
}

// number is one that fp16 holds exactly, between -1 and 1.
func (b *bench) number() float64 {
	if b.random == nil {
		b.random = rand.New(rand.NewPCG(1, 2))
	}
	return float64(b.random.IntN(2049)-1024) / 1024
}

func (b *bench) numbers(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = b.number()
	}
	return list
}

// floats and halves lay numbers out as the device wants them.
func floats(list []float64) []byte {
	var out []byte
	for _, v := range list {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
	}
	return out
}

func halves(list []float64) []byte {
	var out []byte
	for _, v := range list {
		out = binary.LittleEndian.AppendUint16(out, toHalf(v))
	}
	return out
}

// upload puts bytes into a new block of device memory.
func (b *bench) upload(data []byte) (driver.Address, error) {
	l, s := b.device.Driver(), b.device.Stream
	a, err := l.Alloc(uint64(len(data)))
	if err != nil {
		return 0, err
	}
	b.blocks = append(b.blocks, a)
	host, err := l.HostAlloc(len(data))
	if err != nil {
		return 0, err
	}
	copy(host, data)
	return a, errors.Join(l.Upload(a, host, s), l.Wait(s), l.HostFree(host))
}

// uploads puts several.
func (b *bench) uploads(list ...[]byte) ([]driver.Address, error) {
	addresses := make([]driver.Address, len(list))
	for i, data := range list {
		var err error
		if addresses[i], err = b.upload(data); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

// download reads device memory once all work is done.
func (b *bench) download(a driver.Address, size int) ([]byte, error) {
	l, s := b.device.Driver(), b.device.Stream
	host, err := l.HostAlloc(size)
	if err != nil {
		return nil, err
	}
	err = errors.Join(l.Wait(s), l.Download(host, a, s), l.Wait(s))
	data := append([]byte(nil), host...)
	return data, errors.Join(err, l.HostFree(host))
}

func readFloats(data []byte) []float64 {
	list := make([]float64, len(data)/4)
	for i := range list {
		list[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return list
}

func readHalves(data []byte) []float64 {
	list := make([]float64, len(data)/2)
	for i := range list {
		list[i] = fromHalf(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return list
}

// compare checks a kernel's result by its relative distance from the reference, all numbers together.
func (b *bench) compare(name string, got, want []float64, tolerance float64) {
	squares, reference := 0.0, 0.0
	for i := range want {
		squares += (got[i] - want[i]) * (got[i] - want[i])
		reference += want[i] * want[i]
	}
	e := math.Sqrt(squares / reference)
	b.check(e < tolerance, "%s: error %.2g, at most %.0g", name, e, tolerance)
}

// toHalf converts a number that fp16 holds exactly.
func toHalf(v float64) uint16 {
	bits := math.Float32bits(float32(v))
	sign, exponent, fraction := uint16(bits>>16&0x8000), int(bits>>23&0xff)-112, uint16(bits>>13&0x3ff) //nolint:gosec // masked
	if exponent <= 0 {
		return sign // zero: others of numbers that small do not occur
	}
	return sign | uint16(exponent)<<10 | fraction //nolint:gosec // small
}

func fromHalf(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&0x1f), float64(h&0x3ff)
	if h&0x8000 != 0 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
