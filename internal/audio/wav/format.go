package wav

import (
	"encoding/binary"
	"fmt"
	"math"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/pcm"
)

// Numbers of codecs, from Microsoft's mmreg.h.
const (
	tagPCM        = 0x0001
	tagMSADPCM    = 0x0002
	tagFloat      = 0x0003
	tagALaw       = 0x0006
	tagMuLaw      = 0x0007
	tagIMAADPCM   = 0x0011
	tagExtensible = 0xfffe // the number is in the first bytes of a GUID
)

// codings are the samples of constant size that are read here.
var codings = map[uint16]map[int]pcm.Coding{ // by codec and bits of a sample
	tagPCM: {
		8: pcm.Must("u8"), 16: pcm.Must("s16le"), 24: pcm.Must("s24le"), 32: pcm.Must("s32le"),
	},
	tagFloat: {32: pcm.Must("f32le"), 64: pcm.Must("f64le")},
	tagALaw:  {8: pcm.Must("alaw")},
	tagMuLaw: {8: pcm.Must("mulaw")},
}

// codecs are names for messages.
var codecs = map[uint16]string{
	tagPCM:      "PCM",
	tagMSADPCM:  "Microsoft ADPCM",
	tagFloat:    "float",
	tagALaw:     "A-law",
	tagMuLaw:    "µ-law",
	tagIMAADPCM: "IMA ADPCM",
	0x0031:      "GSM 6.10",
	0x0040:      "G.721",
	0x0045:      "G.726",
	0x0050:      "MPEG audio",
	0x0055:      "MP3",
	0x0064:      "G.726",
	0x0065:      "G.722",
	0x0083:      "G.729",
	0x00ff:      "AAC",
	0x0161:      "Windows Media Audio",
	0x0162:      "Windows Media Audio",
	0x2000:      "AC-3",
	0x674f:      "Ogg Vorbis",
	0x704f:      "Opus",
	0xf1ac:      "FLAC",
}

// format is what the fmt chunk says of the samples.
type format struct {
	rate     int
	channels int
	bits     int
	align    int        // bytes of a frame, or of a block of ADPCM
	coding   pcm.Coding // where adpcm is nil
	adpcm    *adpcm
	fact     uint32 // frames, by the fact chunk; 0: it does not say
}

// guidTail follows a codec's number in the GUID of an extensible format.
const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// readFormat takes the fmt chunk: the codec, channels, rate, bytes per second (which writers get wrong
// and nobody needs), bytes per frame and bits per sample; in an extensible one, 8 bytes more and a GUID.
func (r *Reader) readFormat(size uint32) error {
	const plain, extensible = 16, 40
	at := r.src.Offset()
	if r.format.rate != 0 {
		return fault(at, "", "there are two fmt chunks")
	}
	body, err := r.readBody("fmt ", size, make([]byte, max(extensible, msADPCMSize)))
	if err != nil {
		return err
	}
	if len(body) < plain {
		return fault(at, "", "the fmt chunk has %d bytes, want at least %d", size, plain)
	}
	tag := binary.LittleEndian.Uint16(body)
	tagAt := at
	if tag == tagExtensible {
		if len(body) < extensible {
			return fault(at, "", "the extensible fmt chunk has %d bytes, want at least %d", size, extensible)
		}
		tagAt = at + 24
		tag = binary.LittleEndian.Uint16(body[24:])
		if string(body[26:40]) != guidTail {
			return fault(tagAt, "", "codec %x is %w", body[24:40], audio.ErrUnsupported)
		}
	}
	r.format = format{
		rate:     int(min(binary.LittleEndian.Uint32(body[4:]), math.MaxInt32)),
		channels: int(binary.LittleEndian.Uint16(body[2:])),
		bits:     int(binary.LittleEndian.Uint16(body[14:])),
		align:    int(binary.LittleEndian.Uint16(body[12:])),
		fact:     r.format.fact,
	}
	if err := r.format.check(at); err != nil {
		return err
	}
	switch tag {
	case tagMSADPCM, tagIMAADPCM:
		r.format.adpcm, err = parseADPCM(tag, r.format, body, at)
		return err
	}
	return r.format.setCoding(tag, tagAt, at)
}

// check refuses a format that no sound has.
func (f *format) check(at int64) error {
	switch {
	case f.channels == 0:
		return fault(at+2, "", "there are no channels")
	case f.channels > audio.MaxChannels:
		return fault(at+2, "", "%d channels, want at most %d", f.channels, audio.MaxChannels)
	case f.rate == 0:
		return fault(at+4, "", "the sample rate is 0")
	case f.rate > audio.MaxRate:
		return fault(at+4, "", "a sample rate of %d Hz, want at most %d", f.rate, audio.MaxRate)
	}
	return nil
}

func (f *format) setCoding(tag uint16, tagAt, at int64) error {
	sizes := codings[tag]
	if sizes == nil {
		return fault(tagAt, "", "codec %s is %w", codecName(tag), audio.ErrUnsupported)
	}
	coding, ok := sizes[f.bits]
	if !ok {
		return fault(at+14, "", "%s of %d bits is %w", codecs[tag], f.bits, audio.ErrUnsupported)
	}
	if want := f.channels * coding.Size; f.align != want {
		return fault(at+12, "", "frames of %d bytes, want %d for %d channels of %d bits", f.align, want, f.channels, f.bits)
	}
	f.coding = coding
	return nil
}

// frames is how many frames the sound has by its size in bytes.
func (f *format) frames(size int64) int64 {
	if f.adpcm == nil {
		return size / int64(f.align)
	}
	count := f.adpcm.frames(size)
	if f.fact > 0 {
		count = min(count, int64(f.fact))
	}
	return count
}

func codecName(tag uint16) string {
	if name := codecs[tag]; name != "" {
		return fmt.Sprintf("0x%04x (%s)", tag, name)
	}
	return fmt.Sprintf("0x%04x", tag)
}
