package wav

import (
	"encoding/binary"
	"io"
	"math"
	"slices"

	"sensevoice/internal/audio"
)

const (
	// maxPreamble is what may come before the sound: cover pictures and broadcast notes are smaller.
	// Without an end to it, an endless stream of other chunks would be read forever.
	maxPreamble = 16 << 20
)

// readHeader reads up to the first byte of the data chunk.
func (r *Reader) readHeader() error {
	if err := r.readMagic(); err != nil {
		return err
	}
	largeSize := int64(-1) // of ds64
	for {
		id, size, err := r.readChunk()
		if err != nil {
			return err
		}
		switch id {
		case "fmt ":
			err = r.readFormat(size)
		case "ds64":
			largeSize, err = r.readLargeSizes(size)
		case "fact":
			err = r.readFact(size)
		case "data":
			if r.format.rate == 0 {
				return fault(r.src.Offset()-8, "", "the data chunk comes before the fmt chunk")
			}
			r.dataSize = int64(size)
			if size == 0 || size >= streamedSize {
				r.dataSize = largeSize
			}
			return nil
		default:
			err = r.skipRest(id, int64(size))
		}
		if err != nil {
			return err
		}
	}
}

// readMagic takes the twelve bytes that every WAV file begins with.
func (r *Reader) readMagic() error {
	head, err := r.src.Peek(audio.SniffSize)
	if err != nil && err != io.EOF {
		return err
	}
	if len(head) == 0 {
		return fault(0, "", "the file is empty")
	}
	magic := string(head[:min(len(head), 4)])
	if !slices.Contains([]string{"RIFF", "RF64", "BW64", "RIFX"}, magic) || len(head) >= 12 && string(head[8:12]) != "WAVE" {
		return notWAV(audio.Sniff(head))
	}
	if magic == "RIFX" {
		return fault(0, "", "big-endian WAV (RIFX) is %w", audio.ErrUnsupported)
	}
	if err := r.src.Skip(12); err != nil {
		return r.truncated(err)
	}
	return nil
}

func notWAV(kind audio.Kind) error {
	if kind.Name == "" {
		return fault(0, "", "this is not WAV")
	}
	return fault(0, "", "this is %s, not WAV", kind.Name)
}

// readChunk takes the name and the size of a chunk.
func (r *Reader) readChunk() (id string, size uint32, err error) {
	var head [8]byte
	n, err := r.src.ReadFull(head[:])
	if err == io.EOF && n == 0 {
		return "", 0, fault(r.src.Offset(), "", "there is no data chunk")
	}
	if err != nil {
		return "", 0, r.truncated(err)
	}
	return string(head[:4]), binary.LittleEndian.Uint32(head[4:]), nil
}

// readBody takes the beginning of a chunk's body, at most len(p) bytes, and skips the rest.
func (r *Reader) readBody(id string, size uint32, p []byte) ([]byte, error) {
	p = p[:min(int64(len(p)), int64(size))]
	if _, err := r.src.ReadFull(p); err != nil {
		return nil, r.truncated(err)
	}
	return p, r.skipRest(id, int64(size)-int64(len(p)))
}

// skipRest passes over what is left of a chunk, and the byte that makes its length even.
func (r *Reader) skipRest(id string, size int64) error {
	size += size & 1
	if at := r.src.Offset(); at+size > maxPreamble {
		return fault(at, "", "a chunk %q of %d bytes leaves no data chunk in the first %d MiB", id, size, maxPreamble>>20)
	}
	if err := r.src.Skip(size); err != nil {
		return r.truncated(err)
	}
	return nil
}

// truncated is the error of reading the header; only the end of the stream is a fault of the file.
func (r *Reader) truncated(err error) error {
	if err == io.EOF {
		return fault(r.src.Offset(), "", "the file ends inside its header: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// readLargeSizes takes the ds64 chunk of a file that may pass 4 GiB (EBU Tech 3306) and returns the size
// of the sound in bytes, negative where it does not say.
func (r *Reader) readLargeSizes(size uint32) (int64, error) {
	const least = 28
	at := r.src.Offset()
	body, err := r.readBody("ds64", size, make([]byte, least))
	if err != nil {
		return 0, err
	}
	if len(body) < least {
		return 0, fault(at, "", "the ds64 chunk has %d bytes, want at least %d", size, least)
	}
	dataSize := binary.LittleEndian.Uint64(body[8:])
	if dataSize == 0 || dataSize > math.MaxInt64 {
		return -1, nil
	}
	return int64(dataSize), nil
}

// readFact takes the number of frames, which only ADPCM needs: its last block may be filled up.
func (r *Reader) readFact(size uint32) error {
	body, err := r.readBody("fact", size, make([]byte, 4))
	if err == nil && len(body) == 4 {
		r.format.fact = binary.LittleEndian.Uint32(body)
	}
	return err
}
