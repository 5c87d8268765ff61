// Package vorbis decodes Vorbis I, as packets and from Ogg.
//
// Packets are decoded by jfreymuth/vorbis. It believes what headers claim, so they are checked here first.
package vorbis

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jfreymuth/vorbis"

	"sensevoice/internal/audio"
)

// Magic is what the first header of a Vorbis stream begins with.
const Magic = "\x01vorbis"

const (
	tagsMagic   = "\x03vorbis"
	setupMagic  = "\x05vorbis"
	maxChannels = 8 // of those whose order the format defines
)

// Head is the identification header of Vorbis I, section 4.2.2.
type Head struct {
	Rate     int
	Channels int
	packet   []byte
}

// ParseHead reads an identification header.
func ParseHead(packet []byte) (Head, error) {
	const least = 30
	if len(packet) < least || string(packet[:7]) != Magic {
		return Head{}, errors.New("the header is none of Vorbis")
	}
	rate := binary.LittleEndian.Uint32(packet[12:])
	h := Head{Rate: int(min(rate, audio.MaxRate+1)), Channels: int(packet[11]), packet: packet[:least]}
	short, long := packet[28]&15, packet[28]>>4
	switch {
	case binary.LittleEndian.Uint32(packet[7:]) != 0:
		return Head{}, fmt.Errorf("a version other than 0 is %w", audio.ErrUnsupported)
	case h.Channels == 0:
		return Head{}, errors.New("there are no channels")
	case h.Channels > maxChannels:
		return Head{}, fmt.Errorf("%d channels are %w", h.Channels, audio.ErrUnsupported)
	case h.Rate == 0 || h.Rate > audio.MaxRate:
		return Head{}, fmt.Errorf("a sample rate of %d Hz, want 1 to %d", rate, audio.MaxRate)
	case short < 6 || long > 13 || short > long:
		return Head{}, fmt.Errorf("blocks of %d and %d samples, want 64 to 8192", 1<<short, 1<<long)
	case packet[29]&1 == 0:
		return Head{}, errors.New("the header has no end")
	}
	return h, nil
}

// Decoder decodes the packets of one stream.
type Decoder struct {
	decoder vorbis.Decoder
	order   []int     // of WAV; nil: that of Vorbis is the same
	moment  []float32 // one, for reordering
}

// NewDecoder makes a Decoder from the first header and the third; the second holds comments.
func NewDecoder(head Head, setup []byte) (*Decoder, error) {
	if len(setup) < len(setupMagic) || string(setup[:len(setupMagic)]) != setupMagic {
		return nil, errors.New("there is no setup header")
	}
	if err := checkSetup(setup[len(setupMagic):], head.Channels); err != nil {
		return nil, err
	}
	d := &Decoder{order: audio.VorbisOrder(head.Channels), moment: make([]float32, head.Channels)}
	for _, packet := range [][]byte{head.packet, setup} {
		if err := d.decoder.ReadHeader(packet); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Decode appends the samples of a packet to dst, interleaved. The first packet, and the first after Lost, gives none.
func (d *Decoder) Decode(dst []float32, packet []byte) (samples []float32, err error) {
	defer func() { // the library indexes by what it reads; one bad packet does not end a recording
		if reason := recover(); reason != nil {
			samples, err = dst, fmt.Errorf("a packet is malformed: %v", reason)
			d.decoder.Clear()
		}
	}()
	if len(packet) == 0 {
		return dst, errors.New("a packet is empty")
	}
	size := d.decoder.BufferSize()
	start := len(dst)
	dst = append(dst, make([]float32, size)...)
	got, err := d.decoder.DecodeInto(packet, dst[start:])
	if err != nil {
		d.decoder.Clear()
	}
	if d.order != nil {
		d.reorder(got)
	}
	return dst[:start+len(got)], err
}

func (d *Decoder) reorder(samples []float32) {
	for rest := samples; len(rest) >= len(d.moment); rest = rest[len(d.moment):] {
		copy(d.moment, rest)
		for i, from := range d.order {
			rest[i] = d.moment[from]
		}
	}
}

// Lost tells that packets are missing before the next.
func (d *Decoder) Lost() { d.decoder.Clear() }
