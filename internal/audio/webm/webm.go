// Package webm reads the sound of WebM and Matroska streams: Opus and Vorbis.
//
// Browsers record into streams whose segments and clusters have no known size, so elements that hold others are entered
// wherever they begin and their ends are not looked for. Each block is decoded as soon as it has come.
package webm

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/timeline"
)

const (
	maxTracks = 1 << 20 // bytes of all tracks' descriptions
	maxBlock  = 1 << 20 // bytes of a block of sound
	maxInfo   = 1 << 16

	// slack is by how much blocks may come later than the sound before them ends until some count as missing. Clocks of browsers
	// are good to milliseconds, and their pauses in sending are filled by themselves.
	slack = 100 * time.Millisecond
)

// Reader reads the samples of a stream's first sound track. It is an [audio.Decoder].
type Reader struct {
	src     *source.Reader
	info    audio.Info
	track   *track
	buffer  *timeline.Buffer
	scale   int64 // nanoseconds of a tick
	cluster int64 // ticks
	end     int64 // of the segment, in bytes
	begun   bool  // whether a block has come
	origin  time.Duration
	decoded int64 // moments since then, with those filled in
	damage  error
}

// NewReader reads up to the description of the tracks.
func NewReader(src *source.Reader) (*Reader, error) {
	r := &Reader{src: src, scale: 1e6, end: unknownSize}
	ticks := 0.0
	for r.track == nil {
		e, err := readElement(src)
		if err != nil {
			return nil, r.fault(err)
		}
		switch e.id {
		case idSegment:
			r.end = e.end()
		case idInfo:
			err = r.readInfo(e, &ticks)
		case idTracks:
			var body []byte
			if body, err = readBody(src, e, maxTracks); err == nil {
				r.track, err = findTrack(body)
			}
		case idCluster:
			err = errors.New("the sound begins before the tracks are described")
		default:
			err = r.pass(e)
		}
		if err != nil {
			return nil, r.fault(err)
		}
	}
	r.info = audio.Info{Name: r.track.codec + " in WebM", Rate: r.track.rate, Channels: r.track.channels}
	if ns := ticks * float64(r.scale); ns > 0 && ns < math.MaxInt64/2 {
		r.info.Duration = time.Duration(ns)
	}
	r.buffer = timeline.NewBuffer(r.track.rate, r.track.channels)
	r.buffer.Skip(int64(r.track.skip))
	return r, nil
}

func (r *Reader) readInfo(e element, ticks *float64) error {
	body, err := readBody(r.src, e, maxInfo)
	if err != nil {
		return err
	}
	err = children(body, func(id uint32, body []byte) error {
		switch id {
		case idTimestampScale:
			r.scale = int64(unsigned(body))
		case idDuration:
			*ticks = float(body)
		}
		return nil
	})
	if err == nil && (r.scale < 1 || r.scale > 1e9) {
		err = fmt.Errorf("a tick of %d ns, want 1 to 1,000,000,000", r.scale)
	}
	return err
}

// pass goes over an element that is not read.
func (r *Reader) pass(e element) error {
	if e.size == unknownSize {
		return errElement
	}
	return inside(r.src.Skip(e.size))
}

// Info returns what the header says.
func (r *Reader) Info() audio.Info { return r.info }

// Damage is the first thing that was patched or passed over.
func (r *Reader) Damage() error { return r.damage }

// Read implements [audio.Decoder].
func (r *Reader) Read(dst []float32) (int, error) {
	for r.buffer.Empty() {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	return r.buffer.Read(dst)
}

// next takes one element.
func (r *Reader) next() error {
	e, err := readElement(r.src)
	if err == io.EOF {
		if r.end != unknownSize && r.src.Offset() < r.end {
			r.note(fmt.Errorf("the file ends %d bytes early", r.end-r.src.Offset()))
		}
		return io.EOF
	}
	if err != nil {
		return r.fault(err)
	}
	switch e.id {
	case idSegment, idCluster:
	case idTimestamp:
		var body []byte
		body, err = readBody(r.src, e, 8)
		r.cluster = int64(unsigned(body) & math.MaxInt64)
	case idSimpleBlock:
		var b block
		if b, err = r.readBlock(e); err == nil {
			err = r.take(b, 0)
		}
	case idBlockGroup:
		err = r.readGroup(e)
	default:
		err = r.pass(e)
	}
	if err != nil {
		return r.fault(err)
	}
	return nil
}

// readBlock takes a block; of another track only its number.
func (r *Reader) readBlock(e element) (block, error) {
	head, err := r.src.Peek(int(min(8, e.size)))
	if err != nil {
		return block{}, inside(err)
	}
	if number, n := number(head, 8); n > 0 && number&^(1<<(7*n)) != r.track.number {
		return block{}, r.pass(e)
	}
	body, err := readBody(r.src, e, maxBlock)
	if err != nil {
		return block{}, err
	}
	b, err := parseBlock(body)
	if err != nil {
		r.note(err)
	}
	return b, nil
}

// readGroup takes a block with what is said about it.
func (r *Reader) readGroup(group element) error {
	var b block
	var padding int64 // nanoseconds
	for r.src.Offset() < group.end() {
		e, err := readElement(r.src)
		if err != nil {
			return inside(err)
		}
		if e.end() > group.end() {
			return errElement
		}
		switch e.id {
		case idBlock:
			b, err = r.readBlock(e)
		case idDiscardPadding:
			var body []byte
			body, err = readBody(r.src, e, 8)
			padding = signed(body)
		default:
			err = r.pass(e)
		}
		if err != nil {
			return err
		}
	}
	return r.take(b, padding)
}

// take decodes a block. Padding of its end is not to be heard; where it is negative, of its beginning.
func (r *Reader) take(b block, padding int64) error {
	if b.frames == nil {
		return nil
	}
	if err := r.tick(b); err != nil {
		return err
	}
	for _, frame := range b.frames {
		space := r.buffer.Space()
		samples, err := r.track.decode(space, frame)
		if err != nil {
			r.note(err)
		}
		r.decoded += int64((len(samples) - len(space)) / r.track.channels)
		r.buffer.Add(samples)
	}
	cut := int64(math.Round(float64(padding) * float64(r.track.rate) / 1e9))
	if cut > 0 {
		r.buffer.Trim(cut)
	} else {
		r.buffer.Behead(-cut)
	}
	return nil
}

// tick compares the time of a block with what was decoded before, and fills a gap.
func (r *Reader) tick(b block) error {
	ticks := r.cluster + b.timestamp
	if ticks > math.MaxInt64/r.scale || ticks < -math.MaxInt64/r.scale {
		return errBlock
	}
	at := time.Duration(ticks * r.scale)
	if !r.begun {
		r.begun, r.origin = true, at
		return nil
	}
	rate := float64(r.track.rate)
	gap := (at - r.origin).Seconds() - float64(r.decoded)/rate
	if gap < slack.Seconds() {
		return nil
	}
	r.note(fmt.Errorf("%.3g s of sound are missing", gap))
	r.track.lost()
	grain := float64(r.track.grain) // clocks of milliseconds are too coarse to say how much is missing
	moments := int64(math.Round(gap*rate/grain) * grain)
	r.decoded += moments
	return r.buffer.Fill(moments)
}

func (r *Reader) note(err error) {
	if r.damage == nil {
		r.damage = r.fault(err)
	}
}

// fault gives an error its place. What the stream itself says is wrapped too: see [source.Reader.Failure].
func (r *Reader) fault(err error) error {
	var format *audio.FormatError
	if errors.As(err, &format) {
		return err
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the file ends too early: %w", io.ErrUnexpectedEOF)
	}
	return &audio.FormatError{Format: "WebM", Offset: r.src.Offset(), Err: err}
}
