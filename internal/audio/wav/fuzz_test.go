package wav_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/wav"
)

// FuzzReader holds what must be true of any bytes: an end, a typed error, samples that are sound, and
// no more memory than the reader's buffers.
func FuzzReader(f *testing.F) {
	f.Add(valid().bytes())
	f.Add(floats(0, 1, -1, 0.5))
	f.Add(with(func(f *file) { f.magic, f.chunks, f.dataSize = "RF64", ds64(2), 0xffffffff }))
	f.Add(with(func(f *file) { f.tag, f.fmtRest = 0xfffe, extensible(1, guidTail) }))
	f.Add(with(func(f *file) { f.tag, f.align, f.bits = 6, 1, 8 }))
	f.Add(with(func(f *file) { f.channels, f.align, f.bits, f.data = 2, 6, 24, make([]byte, 20) }))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		count, err := drain(t, data)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%d bytes allocated for a file of %d", grown, len(data))
		}
		var format *audio.FormatError
		if err != io.EOF && !errors.As(err, &format) {
			t.Errorf("error without a place: %v", err)
		}
		if count > len(data) {
			t.Errorf("%d samples of %d bytes", count, len(data))
		}
	})
}

func drain(t *testing.T, data []byte) (count int, err error) {
	r, err := wav.NewReader(source.New(t.Context(), bytes.NewReader(data), 0))
	if err != nil {
		return 0, err
	}
	part := make([]float32, 100)
	for {
		n, err := r.Read(part)
		if err != nil {
			return count, err
		}
		if n == 0 || n%r.Info().Channels != 0 {
			t.Fatalf("%d samples of %d channels", n, r.Info().Channels)
		}
		for _, x := range part[:n] {
			if !(x >= -1<<16 && x <= 1<<16) {
				t.Fatalf("a sample is %g", x)
			}
		}
		count += n
	}
}
