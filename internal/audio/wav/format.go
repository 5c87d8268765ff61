package wav

import (
	"encoding/binary"
	"fmt"
)

// Numbers of codecs, from Microsoft's mmreg.h.
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagALaw       = 0x0006
	tagMuLaw      = 0x0007
	tagExtensible = 0xfffe // the number is in the first bytes of a GUID
)

// otherCodecs are those that occur in practice, for messages.
var otherCodecs = map[uint16]string{
	0x0002: "Microsoft ADPCM",
	0x0011: "IMA ADPCM",
	0x0031: "GSM 6.10",
	0x0040: "G.721",
	0x0045: "G.726",
	0x0050: "MPEG audio",
	0x0055: "MP3",
	0x0064: "G.726",
	0x0065: "G.722",
	0x0083: "G.729",
	0x00ff: "AAC",
	0x0161: "Windows Media Audio",
	0x0162: "Windows Media Audio",
	0x2000: "AC-3",
	0x674f: "Ogg Vorbis",
	0x704f: "Opus",
	0xf1ac: "FLAC",
}

// guidTail follows a codec's number in the GUID of an extensible format.
const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// readFormat takes the fmt chunk: the codec, channels, rate, bytes per second (which writers get wrong
// and nobody needs), bytes per frame and bits per sample; in an extensible one, 8 bytes more and a GUID.
func (r *Reader) readFormat(size uint32) error {
	const plain, extensible = 16, 40
	at := r.offset
	if r.format.Rate != 0 {
		return fault(at, "", "there are two fmt chunks")
	}
	body, err := r.readBody("fmt ", size, make([]byte, extensible))
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
			return fault(tagAt, convertHint, "codec %x is not supported", body[24:40])
		}
	}
	format := Format{
		Rate:     int(binary.LittleEndian.Uint32(body[4:])),
		Channels: int(binary.LittleEndian.Uint16(body[2:])),
		Bits:     int(binary.LittleEndian.Uint16(body[14:])),
	}
	if format.Encoding = encodingOf(tag); format.Encoding == 0 {
		return fault(tagAt, convertHint, "codec %s is not supported", codecName(tag))
	}
	r.format, r.formatAt = format, at
	return format.check(at, int(binary.LittleEndian.Uint16(body[12:])))
}

func encodingOf(tag uint16) Encoding {
	switch tag {
	case tagPCM:
		return PCM
	case tagFloat:
		return Float
	case tagALaw:
		return ALaw
	case tagMuLaw:
		return MuLaw
	}
	return 0
}

func codecName(tag uint16) string {
	if name := otherCodecs[tag]; name != "" {
		return fmt.Sprintf("0x%04x (%s)", tag, name)
	}
	return fmt.Sprintf("0x%04x", tag)
}

// check refuses a format that no sound has; blockAlign is the header's own idea of a frame's bytes.
func (f Format) check(at int64, blockAlign int) error {
	switch {
	case f.Channels == 0:
		return fault(at+2, "", "there are no channels")
	case f.Channels > maxChannels:
		return fault(at+2, "", "%d channels, want at most %d", f.Channels, maxChannels)
	case f.Rate == 0:
		return fault(at+4, "", "the sample rate is 0")
	case f.Rate > maxRate:
		return fault(at+4, "", "a sample rate of %d Hz, want at most %d", f.Rate, maxRate)
	case decoders[f.Encoding][f.Bits] == nil:
		return fault(at+14, convertHint, "%v of %d bits is not supported", f.Encoding, f.Bits)
	case blockAlign != f.frameSize():
		return fault(at+12, "", "frames of %d bytes, want %d for %d channels of %d bits", blockAlign, f.frameSize(), f.Channels, f.Bits)
	}
	return nil
}
