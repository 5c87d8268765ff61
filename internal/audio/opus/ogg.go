package opus

import (
	"fmt"
	"math"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/ogg"
	"sensevoice/internal/audio/timeline"
)

// Reader reads the samples of an Ogg Opus stream. It is an [audio.Decoder].
type Reader struct {
	ogg     *ogg.Reader
	info    audio.Info
	decoder *Decoder
	buffer  *timeline.Buffer
	clock   int64 // the granule position of what was decoded last; unknown: none was
	damage  error
}

const unknown = math.MinInt64

// NewReader reads on from an Ogg stream's first page.
func NewReader(r *ogg.Reader, first ogg.Page) (*Reader, error) {
	o := &Reader{ogg: r}
	head, err := o.start(first)
	if err != nil {
		return nil, err
	}
	o.info = audio.Info{Name: "Opus in Ogg", Rate: Rate, Channels: head.Channels}
	o.buffer = timeline.NewBuffer(Rate, head.Channels)
	o.buffer.Skip(int64(head.PreSkip))
	return o, nil
}

// start begins a logical stream.
func (o *Reader) start(first ogg.Page) (Head, error) {
	if len(first.Packets) != 1 {
		return Head{}, o.fault(fmt.Errorf("the first page has %d packets, want the header alone", len(first.Packets)))
	}
	head, err := ParseHead(first.Packets[0])
	if err != nil {
		return Head{}, o.fault(err)
	}
	if o.decoder, err = NewDecoder(head); err != nil {
		return Head{}, o.fault(err)
	}
	o.clock = unknown
	return head, nil
}

// Info returns what the header says.
func (o *Reader) Info() audio.Info { return o.info }

// Damage is the first thing that was patched.
func (o *Reader) Damage() error {
	if o.damage != nil {
		return o.damage
	}
	return o.ogg.Damage()
}

// Read implements [audio.Decoder].
func (o *Reader) Read(dst []float32) (int, error) {
	for o.buffer.Empty() {
		page, err := o.ogg.Next()
		if err != nil {
			return 0, err
		}
		if err := o.take(page); err != nil {
			return 0, err
		}
	}
	return o.buffer.Read(dst)
}

// take decodes a page.
func (o *Reader) take(page ogg.Page) error {
	if page.First { // of a stream chained to the one before
		head, err := o.start(page)
		if err == nil && head.Channels != o.info.Channels {
			err = o.fault(fmt.Errorf("the stream goes on with %d channels after %d", head.Channels, o.info.Channels))
		}
		if err == nil {
			o.buffer.Skip(int64(head.PreSkip))
		}
		return err
	}
	packets := page.Packets
	if o.clock == unknown && len(packets) > 0 && isTags(packets[0]) {
		packets = packets[1:]
	}
	if len(packets) == 0 {
		return nil
	}
	total := int64(0)
	for _, packet := range packets {
		moments, err := Moments(packet)
		if err != nil {
			o.note(err)
		}
		total += int64(moments)
	}
	surplus, err := o.tick(page, total)
	if err != nil {
		return err
	}
	for _, packet := range packets {
		samples, err := o.decoder.Decode(o.buffer.Space(), packet)
		if err != nil {
			o.note(err)
		}
		o.buffer.Add(samples)
	}
	o.buffer.Trim(surplus)
	return nil
}

// tick compares the clock of a page of so many moments with what was decoded before. It fills a gap, and returns how many moments
// lie beyond the end of the sound.
func (o *Reader) tick(page ogg.Page, total int64) (surplus int64, err error) {
	if page.Granule < 0 {
		if o.clock != unknown {
			o.clock += total
		}
		return 0, nil
	}
	if o.clock == unknown { // the sound may begin anywhere, as when a broadcast was recorded
		if o.clock = page.Granule; page.Last && page.Granule < total {
			return total - page.Granule, nil
		}
		return 0, nil
	}
	gap := page.Granule - o.clock - total
	o.clock += total
	switch {
	case gap >= Grain:
		o.clock += gap
		o.note(fmt.Errorf("%.3g s of sound are missing", float64(gap)/Rate))
		if err := o.buffer.Fill(gap); err != nil {
			return 0, o.fault(err)
		}
	case gap < 0 && page.Last:
		return -gap, nil
	}
	return 0, nil
}

// isTags recognises the comments, the second packet of a stream.
func isTags(packet []byte) bool { return len(packet) >= 8 && string(packet[:8]) == "OpusTags" }

func (o *Reader) note(err error) {
	if o.damage == nil {
		o.damage = o.fault(err)
	}
}

func (o *Reader) fault(err error) error {
	return &audio.FormatError{Format: "Opus in Ogg", Offset: o.ogg.Offset(), Err: err}
}
