package decode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
)

var (
	mutations = flag.Int("mutations", 100, "how many damaged files of each format to decode")
	seed      = flag.Uint64("seed", 1, "of the damage")
)

// mutants are the files that get damaged: short, since each is decoded thousands of times.
var mutants = map[string]string{
	"pcm":         "ffmpeg -i CLIP -t 0.3 -c:a pcm_s16le -f wav OUT",
	"float":       "ffmpeg -i CLIP -t 0.3 -c:a pcm_f32le -rf64 always -f wav OUT",
	"ima":         "ffmpeg -i CLIP -t 0.3 -ac 2 -c:a adpcm_ima_wav -f wav OUT",
	"ms":          "ffmpeg -i CLIP -t 0.3 -c:a adpcm_ms -f wav OUT",
	"flac":        "ffmpeg -i CLIP -t 0.3 -ac 2 -f flac OUT",
	"vorbis":      "ffmpeg -i CLIP -t 0.3 -ac 2 -c:a libvorbis -f ogg OUT",
	"opus":        "ffmpeg -i CLIP -t 0.3 -c:a libopus -f ogg OUT",
	"opus-6":      "ffmpeg -i CLIP -t 0.3 -ac 6 -c:a libopus -mapping_family 1 -f ogg OUT",
	"webm-opus":   "ffmpeg -i CLIP -t 0.3 -c:a libopus -f webm OUT",
	"webm-live":   "ffmpeg -i CLIP -t 0.3 -c:a libopus -f webm -live 1 -",
	"webm-vorbis": "ffmpeg -i CLIP -t 0.3 -c:a libvorbis -f webm OUT",
	"mp3":         "ffmpeg -i CLIP -t 0.3 -c:a libmp3lame -f mp3 OUT",
}

// TestDamagedFiles: whatever the bytes, decoding ends, in time and in little memory, with sound, a typed error or both.
func TestDamagedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a dozen processes")
	}
	for name, write := range mutants {
		t.Run(name, func(t *testing.T) {
			file := run(t, write, nil)
			random := rand.New(rand.NewPCG(*seed, uint64(len(name))))
			var panics, heard int
			var longest time.Duration
			var largest uint64
			for i := range *mutations {
				data := damage(random, file)
				start := time.Now()
				samples, allocated, err := measured(t, data)
				if t.Failed() {
					t.Fatalf("seed %d, file %d: %v", *seed, i, err)
				}
				longest, largest = max(longest, time.Since(start)), max(largest, allocated)
				if samples > 0 {
					heard++
				}
				if err != nil && strings.Contains(err.Error(), "gave up") {
					panics++
					t.Logf("file %d: %v", i, err)
				}
			}
			t.Logf("%d files: %d gave sound, %d panics caught, the longest took %v, the largest %d KiB",
				*mutations, heard, panics, longest.Round(time.Millisecond), largest>>10)
		})
	}
}

// measured decodes bytes and returns the number of samples, what was allocated and what went wrong.
func measured(t *testing.T, data []byte) (count int, allocated uint64, wrong error) {
	t.Helper()
	const limit, memory = 10 * time.Second, 256 << 20
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := decode.Open(ctx, bytes.NewReader(data), decode.Options{FFmpeg: "none"})
	if err == nil {
		part := make([]float32, 4096)
		for n := 0; err == nil; count += n {
			n, err = s.Read(part)
		}
		wrong = s.Damage()
		s.Close()
	}
	runtime.ReadMemStats(&after)
	allocated = after.TotalAlloc - before.TotalAlloc
	var format *audio.FormatError
	switch {
	case ctx.Err() != nil:
		t.Errorf("not done in %v", limit)
	case allocated > memory:
		t.Errorf("%d bytes allocated", allocated)
	case wrong == nil && errors.As(err, &format):
		wrong = err
	case !errors.As(err, &format) && err.Error() != "EOF":
		t.Errorf("an error without a place: %v", err)
	}
	return count, allocated, wrong
}

// damage changes a few things about a file. Half of the Ogg pages get a checksum that is right again.
func damage(random *rand.Rand, file []byte) []byte {
	data := bytes.Clone(file)
	for range 1 + random.IntN(6) {
		if len(data) < 16 {
			break
		}
		at, length := random.IntN(len(data)), 1+random.IntN(16)
		if random.IntN(2) == 0 {
			at = random.IntN(min(len(data), 256)) // headers
		}
		end := min(at+length, len(data))
		switch random.IntN(8) {
		case 0, 1, 2:
			data[at] ^= 1 << random.IntN(8)
		case 3:
			data[at] = byte(random.Uint32())
		case 4:
			for i := at; i < end; i++ {
				data[i] = []byte{0, 0xff, 0x7f, 0x80}[random.IntN(4)]
			}
		case 5:
			data = append(data[:at], data[end:]...)
		case 6:
			data = append(data[:at:at], append(bytes.Clone(data[at:end]), data[at:]...)...)
		case 7:
			if random.IntN(4) == 0 {
				data = data[:at]
			}
		}
	}
	if random.IntN(2) == 0 {
		repair(data)
	}
	return data
}

// repair writes the checksums of Ogg pages anew.
func repair(data []byte) {
	for at := 0; ; {
		next := bytes.Index(data[at:], []byte("OggS"))
		if next < 0 || len(data)-at-next < 27 {
			return
		}
		at += next
		page := data[at:]
		size := 27 + int(page[26])
		if size > len(page) {
			return
		}
		for _, length := range page[27:size] {
			size += int(length)
		}
		if size > len(page) {
			at += 4
			continue
		}
		binary.LittleEndian.PutUint32(page[22:], oggSum(page[:size]))
		at += size
	}
}

// oggSum is the checksum of a page, bit by bit.
func oggSum(page []byte) (crc uint32) {
	for i, b := range page {
		if i >= 22 && i < 26 {
			b = 0
		}
		crc ^= uint32(b) << 24
		for range 8 {
			crc = crc<<1 ^ crc>>31*0x04c11db7
		}
	}
	return crc
}
