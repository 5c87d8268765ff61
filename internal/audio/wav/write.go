package wav

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"sensevoice/internal/audio"
)

// Write writes one channel of samples as 16-bit PCM, rounded to the nearest step. Those beyond
// [-1, 1) are clipped; NaN and more sound than a WAV file can hold are errors.
func Write(w io.Writer, rate int, samples []float32) error {
	const headerSize, sampleSize = 44, 2
	size := int64(len(samples)) * sampleSize
	if size+headerSize > math.MaxUint32 {
		return fmt.Errorf("wav: %d samples do not fit a file of 4 GiB", len(samples))
	}
	if rate < 1 || rate > audio.MaxRate {
		return fmt.Errorf("wav: a sample rate of %d Hz, want 1 to %d", rate, audio.MaxRate)
	}
	le := binary.LittleEndian
	header := append(make([]byte, 0, headerSize), "RIFF"...)
	header = le.AppendUint32(header, uint32(size+headerSize-8))
	header = append(header, "WAVEfmt "...)
	header = le.AppendUint32(header, 16)
	header = le.AppendUint16(header, tagPCM)
	header = le.AppendUint16(header, 1) // channels
	header = le.AppendUint32(header, uint32(rate))
	header = le.AppendUint32(header, uint32(rate*sampleSize))
	header = le.AppendUint16(header, sampleSize)
	header = le.AppendUint16(header, 8*sampleSize)
	header = append(header, "data"...)
	header = le.AppendUint32(header, uint32(size))

	out := bufio.NewWriter(w)
	out.Write(header) // errors stay with out until Flush
	for i, x := range samples {
		if x != x {
			return fmt.Errorf("wav: sample %d is NaN", i)
		}
		step := math.Round(min(max(float64(x)*(1<<15), math.MinInt16), math.MaxInt16))
		out.Write(le.AppendUint16(out.AvailableBuffer(), uint16(int16(step))))
	}
	return out.Flush()
}
