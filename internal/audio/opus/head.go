package opus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"sensevoice/internal/audio"
)

// Magic is what the header of an Opus stream begins with.
const Magic = "OpusHead"

// Rate is that of all that is decoded here, whatever was encoded.
const Rate = 48000

// maxChannels is that of channel mapping family 1, the order of Vorbis.
const maxChannels = 8

// Head is the identification header of RFC 7845, section 5.1, which WebM keeps as CodecPrivate.
type Head struct {
	Channels int
	PreSkip  int   // moments to leave out at the beginning
	Gain     int   // to be applied to the output, in dB/256
	streams  int   // encoded streams in a packet
	coupled  int   // how many of them, the first, are stereo
	mapping  []int // which decoded channel each output channel is; silent: none
}

// silent stands in a mapping for a channel without a stream.
const silent = 255

// ParseHead reads a header.
func ParseHead(data []byte) (Head, error) {
	const least = 19
	if len(data) < least || string(data[:8]) != Magic {
		return Head{}, errors.New("the header is none of Opus")
	}
	if version := data[8]; version>>4 != 0 {
		return Head{}, fmt.Errorf("version %d of Opus headers is %w", version, audio.ErrUnsupported)
	}
	h := Head{
		Channels: int(data[9]), PreSkip: int(binary.LittleEndian.Uint16(data[10:])),
		Gain: int(int16(binary.LittleEndian.Uint16(data[16:]))), streams: 1,
	}
	if h.Channels == 0 {
		return Head{}, errors.New("there are no channels")
	}
	switch family := data[18]; {
	case family == 0 && h.Channels <= 2:
		h.coupled = h.Channels - 1
		h.mapping = []int{0, 1}[:h.Channels]
		return h, nil
	case family == 0:
		return Head{}, fmt.Errorf("%d channels, want 1 or 2 without a mapping", h.Channels)
	case family == 1 && h.Channels <= maxChannels:
		return h, h.parseMapping(data[least:])
	case family == 1:
		return Head{}, fmt.Errorf("%d channels, want at most %d", h.Channels, maxChannels)
	default:
		return Head{}, fmt.Errorf("channel mapping family %d is %w", family, audio.ErrUnsupported)
	}
}

func (h *Head) parseMapping(table []byte) error {
	if len(table) < 2+h.Channels {
		return errors.New("the channel mapping is cut off")
	}
	h.streams, h.coupled = int(table[0]), int(table[1])
	if h.streams == 0 || h.coupled > h.streams || h.streams+h.coupled > 2*maxChannels {
		return fmt.Errorf("%d streams, %d of them stereo", h.streams, h.coupled)
	}
	for _, channel := range table[2:][:h.Channels] {
		if channel != silent && int(channel) >= h.streams+h.coupled {
			return fmt.Errorf("a channel maps to %d of %d", channel, h.streams+h.coupled)
		}
		h.mapping = append(h.mapping, int(channel))
	}
	if order := audio.VorbisOrder(h.Channels); order != nil {
		mapping := slices.Clone(h.mapping)
		for i, from := range order {
			h.mapping[i] = mapping[from]
		}
	}
	return nil
}
