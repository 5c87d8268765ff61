package mp3

import (
	"encoding/binary"
	"fmt"

	"sensevoice/internal/audio"
)

// header is the first four bytes of a frame (ISO 11172-3, section 2.4.1.3).
type header uint32

// valid tells whether it is the head of a frame of layer III that says its own length.
func (h header) valid() bool {
	return h>>21 == 0x7ff && h.version() != 1 && h.bitRate() > 0 && h>>10&3 != 3 && h>>17&3 == 1
}

// version is 0 for MPEG 2.5, 2 for MPEG 2, 3 for MPEG 1.
func (h header) version() int { return int(h >> 19 & 3) }

// low tells the half-rate forms, of 576 samples a frame.
func (h header) low() bool { return h.version() != 3 }

var bitRates = [2][16]int{ // kbit/s, by low
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

func (h header) bitRate() int {
	low := 0
	if h.low() {
		low = 1
	}
	return bitRates[low][h>>12&15] * 1000
}

func (h header) rate() int {
	rate := []int{44100, 48000, 32000}[h>>10&3]
	switch h.version() {
	case 3:
		return rate
	case 2:
		return rate / 2
	default:
		return rate / 4
	}
}

func (h header) channels() int {
	if h>>6&3 == 3 {
		return 1
	}
	return 2
}

// moments is how many samples of each channel a frame gives.
func (h header) moments() int {
	if h.low() {
		return 576
	}
	return 1152
}

// size is the length of the frame in bytes.
func (h header) size() int {
	return h.moments()/8*h.bitRate()/h.rate() + int(h>>9&1)
}

// alike tells whether two frames can belong to one recording.
func (h header) alike(other header) bool {
	const fixed = 0xfffe0c00 // sync, version, layer, rate
	return h&fixed == other&fixed && h.channels() == other.channels()
}

// unsupported says what is not read of a header that is not valid, or nil for what is no header at all.
func (h header) unsupported() error {
	switch {
	case h>>21 != 0x7ff || h.version() == 1 || h>>17&3 == 0 || h>>12&15 == 15 || h>>10&3 == 3:
		return nil
	case h>>17&3 != 1:
		return fmt.Errorf("MPEG audio of layer %d is %w", 4-(h>>17&3), audio.ErrUnsupported)
	case h.version() == 0:
		return fmt.Errorf("MPEG 2.5, for 8 to 12 kHz, is %w", audio.ErrUnsupported)
	case h>>12&15 == 0:
		return fmt.Errorf("a free bit rate is %w", audio.ErrUnsupported)
	}
	return nil
}

// decoderDelay is by how much the output of any decoder comes late, in samples.
const decoderDelay = 529

// lead is what the first frame says where an encoder has put a description in place of sound.
type lead struct {
	frames int // of sound that follow; 0: it does not say
	delay  int // samples that the encoder put before the sound
	pad    int // and after it
	exact  bool
}

// parseLead reads the description that encoders write by the names of Xing, Info and LAME.
func parseLead(h header, frame []byte) (lead, bool) {
	at := 4 + 32
	switch {
	case h.low() && h.channels() == 1:
		at = 4 + 9
	case h.low() || h.channels() == 1:
		at = 4 + 17
	}
	if len(frame) < at+8 {
		return lead{}, false
	}
	if name := string(frame[at:][:4]); name != "Xing" && name != "Info" {
		return lead{}, false
	}
	flags, rest := binary.BigEndian.Uint32(frame[at+4:]), frame[at+8:]
	var l lead
	for bit, length := range []int{4, 4, 100, 4} {
		if flags>>bit&1 == 0 {
			continue
		}
		if len(rest) < length {
			return l, true
		}
		if bit == 0 {
			l.frames = int(binary.BigEndian.Uint32(rest))
		}
		rest = rest[length:]
	}
	const delays = 21 // after the encoder's name, its settings
	if len(rest) >= delays+3 && rest[0] != 0 {
		l.exact = true
		l.delay = int(rest[delays])<<4 | int(rest[delays+1])>>4
		l.pad = int(rest[delays+1]&15)<<8 | int(rest[delays+2])
	}
	return l, true
}
