//go:build linux && (amd64 || arm64)

package smoke

import (
	"encoding/binary"
	"math"

	"sensevoice/internal/cuda/kernel"
)

// front compares what enters the network: of two segments, the second of which is shorter than one stacked row.
func (b *bench) front() error {
	const input, bins, embeddings = 560, 80, 16
	queries := []int{3, 1, 2, 14, 0, 1, 2, 15}
	segments := []struct{ row, rows, frame, frames int }{{0, 8, 0, 20}, {8, 5, 20, 5}}
	const rows, frames = 13, 25
	mel, shift, scale := b.numbers(frames*bins), b.numbers(input), b.numbers(input)
	table, positions := b.numbers(embeddings*input), b.numbers(rows*input)
	want := make([]float64, rows*kernel.FrontWidth)
	var sequences, sequenceOf []int
	for i, s := range segments {
		sequences = append(sequences, s.row, s.rows, s.frame, s.frames)
		for t := range s.rows {
			sequenceOf = append(sequenceOf, i)
			row := want[(s.row+t)*kernel.FrontWidth:][:input]
			for d := range row {
				row[d] = table[queries[4*i+min(t, 3)]*input+d]
				if t >= 4 { // beyond either end the first or last frame is repeated
					frame := s.frame + max(0, min((t-4)*6+d/bins-3, s.frames-1))
					row[d] = (mel[frame*bins+d%bins] + shift[d]) * scale[d]
				}
				row[d] = row[d]*math.Sqrt(512) + positions[t*input+d]
			}
			normalise(row)
		}
	}
	a, err := b.uploads(
		make([]byte, 2*len(want)), floats(mel), floats(shift), floats(scale), floats(table), integers(queries), floats(positions), integers(sequences), integers(sequenceOf),
	)
	if err != nil {
		return err
	}
	f := kernel.Front{Mel: a[1], Shift: a[2], Scale: a[3], Embeddings: a[4], Queries: a[5], Positions: a[6], Sequences: a[7], SequenceOf: a[8]}
	if err := b.set.Front(a[0], f, rows, 1e-5); err != nil {
		return err
	}
	got, err := b.download(a[0], 2*len(want))
	b.compare("front", readHalves(got), want, halfTolerance)
	return err
}

// normalise brings a row to mean 0 and variance 1, in double precision.
func normalise(row []float64) {
	mean, variance, n := 0.0, 0.0, float64(len(row))
	for _, v := range row {
		mean += v / n
	}
	for _, v := range row {
		variance += (v - mean) * (v - mean) / n
	}
	for i, v := range row {
		row[i] = (v - mean) / math.Sqrt(variance+1e-5)
	}
}

func integers(list []int) []byte {
	var out []byte
	for _, v := range list {
		out = binary.LittleEndian.AppendUint32(out, uint32(v)) //nolint:gosec // small
	}
	return out
}
