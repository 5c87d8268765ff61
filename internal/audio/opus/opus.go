// Package opus decodes Opus (RFC 6716), as packets and from Ogg (RFC 7845).
//
// Packets are decoded by pion/opus, which conceals no loss: where packets are missing or damaged there is silence.
package opus

import (
	"fmt"
	"math"

	"github.com/pion/opus"
)

// Decoder decodes the packets of one recording, of one or several encoded streams.
type Decoder struct {
	head    Head
	streams []opus.Decoder
	gain    float32
	decoded [][]float32 // of each stream, interleaved
}

// NewDecoder makes a Decoder for what a header describes.
func NewDecoder(head Head) (*Decoder, error) {
	d := &Decoder{head: head, gain: float32(math.Pow(10, float64(head.Gain)/256/20))}
	for i := range head.streams {
		stream, err := opus.NewDecoderWithOutput(Rate, d.width(i))
		if err != nil {
			return nil, err
		}
		d.streams = append(d.streams, stream)
		d.decoded = append(d.decoded, make([]float32, maxMoments*d.width(i)))
	}
	return d, nil
}

// width is the number of channels of a stream.
func (d *Decoder) width(stream int) int {
	if stream < d.head.coupled {
		return 2
	}
	return 1
}

// Decode appends the samples of a packet to dst, interleaved. Where it fails dst has silence of the packet's length, or nothing
// where that is not known.
func (d *Decoder) Decode(dst []float32, packet []byte) ([]float32, error) {
	moments, err := Moments(packet)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, make([]float32, moments*d.head.Channels)...)
	out := dst[start:]
	for i := range d.streams {
		part := packet
		if i < len(d.streams)-1 {
			if part, packet, err = split(packet); err != nil {
				return dst, err
			}
		}
		if err := d.decodeStream(i, part, moments); err != nil {
			clear(out)
			return dst, err
		}
	}
	for ch, from := range d.head.mapping {
		if from == silent {
			continue
		}
		stream, offset := d.find(from)
		width := d.width(stream)
		for i, samples := 0, d.decoded[stream]; i < moments; i++ {
			out[i*d.head.Channels+ch] = samples[i*width+offset] * d.gain
		}
	}
	return dst, nil
}

// find returns the stream of a decoded channel, and which of its channels it is: those of the coupled streams come first.
func (d *Decoder) find(channel int) (stream, offset int) {
	if channel < 2*d.head.coupled {
		return channel / 2, channel % 2
	}
	return channel - d.head.coupled, 0
}

func (d *Decoder) decodeStream(i int, packet []byte, moments int) error {
	got, err := Moments(packet)
	if err != nil || got != moments {
		return errPacket
	}
	samples := d.decoded[i][:moments*d.width(i)]
	if empty(packet) {
		clear(samples)
		return nil
	}
	n, err := d.streams[i].DecodeToFloat32(packet, samples)
	if err == nil && n != moments {
		err = fmt.Errorf("a packet of %d samples gave %d", moments, n)
	}
	return err
}
