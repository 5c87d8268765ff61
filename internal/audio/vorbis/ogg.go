package vorbis

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/ogg"
	"sensevoice/internal/audio/timeline"
)

// Reader reads the samples of an Ogg Vorbis stream. It is an [audio.Decoder].
type Reader struct {
	ogg     *ogg.Reader
	info    audio.Info
	head    Head
	decoder *Decoder // nil until the setup header has come
	buffer  *timeline.Buffer
	clock   int64 // the granule position of what was decoded last
	started bool  // whether the clock is known
	damage  error
}

// NewReader reads on from an Ogg stream's first page, up to the last header.
func NewReader(r *ogg.Reader, first ogg.Page) (*Reader, error) {
	v := &Reader{ogg: r}
	if err := v.start(first); err != nil {
		return nil, err
	}
	v.info = audio.Info{Name: "Vorbis in Ogg", Rate: v.head.Rate, Channels: v.head.Channels}
	v.buffer = timeline.NewBuffer(v.head.Rate, v.head.Channels)
	for v.decoder == nil {
		page, err := r.Next()
		if err == io.EOF {
			err = v.fault(fmt.Errorf("the file ends inside its headers: %w", io.ErrUnexpectedEOF))
		}
		if err == nil {
			err = v.take(page)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

// start begins a logical stream.
func (v *Reader) start(first ogg.Page) (err error) {
	if len(first.Packets) != 1 {
		return v.fault(fmt.Errorf("the first page has %d packets, want the header alone", len(first.Packets)))
	}
	head, err := ParseHead(bytes.Clone(first.Packets[0]))
	if err != nil {
		return v.fault(err)
	}
	v.head, v.decoder, v.started, v.clock = head, nil, false, 0
	return nil
}

// Info returns what the header says.
func (v *Reader) Info() audio.Info { return v.info }

// Damage is the first thing that was patched.
func (v *Reader) Damage() error {
	if v.damage != nil {
		return v.damage
	}
	return v.ogg.Damage()
}

// Read implements [audio.Decoder].
func (v *Reader) Read(dst []float32) (int, error) {
	for v.buffer.Empty() {
		page, err := v.ogg.Next()
		if err != nil {
			return 0, err
		}
		if err := v.take(page); err != nil {
			return 0, err
		}
	}
	return v.buffer.Read(dst)
}

// take decodes a page.
func (v *Reader) take(page ogg.Page) error {
	if page.First { // of a stream chained to the one before
		if err := v.start(page); err != nil {
			return err
		}
		if v.head.Rate != v.info.Rate || v.head.Channels != v.info.Channels {
			return v.fault(errors.New("the stream goes on with another rate or number of channels"))
		}
		return nil
	}
	packets := page.Packets
	for v.decoder == nil && len(packets) > 0 {
		if err := v.header(packets[0]); err != nil {
			return err
		}
		packets = packets[1:]
	}
	if v.decoder == nil || len(packets) == 0 {
		return nil
	}
	if page.Lost {
		v.decoder.Lost()
	}
	total := int64(0)
	for _, packet := range packets {
		space := v.buffer.Space()
		samples, err := v.decoder.Decode(space, packet)
		if err != nil {
			v.note(err)
		}
		total += int64((len(samples) - len(space)) / v.head.Channels)
		v.buffer.Add(samples)
	}
	return v.tick(page, total)
}

// header takes a header after the first: comments, which are passed over, and the setup.
func (v *Reader) header(packet []byte) (err error) {
	if len(packet) >= len(tagsMagic) && string(packet[:len(tagsMagic)]) == tagsMagic {
		return nil
	}
	if v.decoder, err = NewDecoder(v.head, packet); err != nil {
		return v.fault(err)
	}
	return nil
}

// tick compares the clock of a page of so many moments with what was decoded: it fills a gap and cuts off what is beyond the
// beginning or the end.
func (v *Reader) tick(page ogg.Page, total int64) error {
	if page.Granule < 0 {
		v.clock += total
		return nil
	}
	ahead := page.Granule - v.clock - total
	v.clock += total
	switch {
	case !v.started && ahead < 0 && !page.Last:
		v.buffer.Behead(-ahead)
	case ahead < 0 && page.Last:
		v.buffer.Trim(-ahead)
	case v.started && ahead > 0:
		v.note(fmt.Errorf("%.3g s of sound are missing", float64(ahead)/float64(v.info.Rate)))
		if err := v.buffer.Fill(ahead); err != nil {
			return v.fault(err)
		}
	}
	if !v.started || ahead > 0 {
		v.clock = page.Granule // the sound may begin anywhere, as when a broadcast was recorded
	}
	v.started = true
	return nil
}

func (v *Reader) note(err error) {
	if v.damage == nil {
		v.damage = v.fault(err)
	}
}

func (v *Reader) fault(err error) error {
	return &audio.FormatError{Format: "Vorbis in Ogg", Offset: v.ogg.Offset(), Err: err}
}
