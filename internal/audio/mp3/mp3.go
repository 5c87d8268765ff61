// Package mp3 reads MP3 sound from a stream, for machines without ffmpeg.
//
// Frames are found here and decoded by hajimehoshi/go-mp3, which knows no MPEG 2.5 (8 to 12 kHz), no other layer than III
// and no free bit rate.
package mp3

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hajimehoshi/go-mp3"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/timeline"
)

// patience is how many bytes may come without a frame until the file counts as something else.
const patience = 1 << 20

// Reader reads the samples of an MP3 stream. It is an [audio.Decoder].
type Reader struct {
	src     *source.Reader
	info    audio.Info
	first   header
	frame   []byte // what of the current frame the library has not taken
	decoder *mp3.Decoder
	pcm     []byte
	buffer  *timeline.Buffer
	left    int64 // moments until the end of the sound; negative: not known
	damage  error
}

// NewReader reads up to the first frame.
func NewReader(src *source.Reader) (*Reader, error) {
	r := &Reader{src: src, left: -1}
	h, frame, err := r.peek()
	if err == io.EOF {
		if err = r.damage; err == nil {
			err = r.fault(errors.New("there is no frame"))
		}
	}
	if err != nil {
		return nil, err
	}
	r.first = h
	r.info = audio.Info{Name: "MP3", Rate: h.rate(), Channels: h.channels()}
	r.buffer = timeline.NewBuffer(h.rate(), h.channels())
	if l, ok := parseLead(h, frame); ok {
		if err := src.Skip(int64(len(frame))); err != nil {
			return nil, err
		}
		r.useLead(l)
	}
	return r, nil
}

func (r *Reader) useLead(l lead) {
	total := int64(l.frames) * int64(r.first.moments())
	if l.exact {
		r.buffer.Skip(int64(l.delay) + decoderDelay)
		total -= int64(l.delay) + int64(l.pad)
	}
	if l.frames == 0 || total <= 0 {
		return
	}
	r.info.Duration = time.Duration(float64(total) / float64(r.info.Rate) * float64(time.Second))
	if l.exact {
		r.left = total
	}
}

// Info returns what the first frame says.
func (r *Reader) Info() audio.Info { return r.info }

// Damage is the first thing that was patched or passed over.
func (r *Reader) Damage() error { return r.damage }

// Read implements [audio.Decoder].
func (r *Reader) Read(dst []float32) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	for r.buffer.Empty() {
		if err := r.next(); err != nil {
			if err == io.EOF && r.left > 0 {
				if left := r.left - decoderDelay; left > 0 {
					r.note(fmt.Errorf("the file ends %.3g s early", float64(left)/float64(r.info.Rate)))
				}
			}
			return 0, err
		}
	}
	channels := int64(r.info.Channels)
	if r.left > 0 {
		dst = dst[:min(int64(len(dst)), r.left*channels)]
	}
	n, err := r.buffer.Read(dst)
	if r.left > 0 {
		r.left -= int64(n) / channels
	}
	return n, err
}

// next decodes a frame. Where the library gives up, silence stands for it.
func (r *Reader) next() error {
	h, frame, err := r.peek()
	if err != nil {
		return err
	}
	r.frame = append(r.frame[:0], frame...)
	if err := r.src.Skip(int64(len(frame))); err != nil {
		return err
	}
	size := h.moments() * 4 // the library gives two channels of 16 bits
	if len(r.pcm) < size {
		r.pcm = make([]byte, size)
	}
	if err := r.decode(r.pcm[:size]); err != nil {
		r.note(err)
		r.decoder = nil
		clear(r.pcm)
	}
	samples := r.buffer.Space()
	for at := 0; at < size; at += 4 {
		for ch := range r.info.Channels {
			samples = append(samples, float32(int16(binary.LittleEndian.Uint16(r.pcm[at+2*ch:])))/(1<<15))
		}
	}
	r.buffer.Add(samples)
	return nil
}

// decode has the library take the frame.
func (r *Reader) decode(pcm []byte) (err error) {
	defer func() { // the library indexes by what it reads; one bad frame does not end a recording
		if reason := recover(); reason != nil {
			err = fmt.Errorf("a frame is malformed: %v", reason)
		}
	}()
	if r.decoder == nil {
		if r.decoder, err = mp3.NewDecoder((*feed)(r)); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(r.decoder, pcm); err != nil {
		return fmt.Errorf("a frame is malformed: %w", err)
	}
	return nil
}

// feed gives the library the current frame and no more.
type feed Reader

func (f *feed) Read(p []byte) (int, error) {
	if len(f.frame) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.frame)
	f.frame = f.frame[n:]
	return n, nil
}

// peek finds the next frame of the first one's rate and channels and returns it whole, good until the stream is read on.
func (r *Reader) peek() (header, []byte, error) {
	for passed := int64(0); passed < patience; passed++ {
		head, err := r.src.Peek(4)
		if len(head) < 4 {
			return 0, nil, err
		}
		h := header(binary.BigEndian.Uint32(head))
		if r.first == 0 && h.unsupported() != nil {
			return 0, nil, r.fault(h.unsupported())
		}
		if h.valid() && h.version() != 0 && (r.first == 0 || h.alike(r.first)) {
			frame, err := r.src.Peek(h.size())
			if len(frame) == h.size() {
				return h, frame, nil
			}
			if err == io.EOF {
				r.note(errors.New("the file ends inside a frame"))
			}
			return 0, nil, err
		}
		if done, err := r.tag(head); done || err != nil {
			if err != nil {
				return 0, nil, err
			}
			continue
		}
		r.note(errors.New("there is no frame where there should be one"))
		if err := r.src.Skip(1); err != nil {
			return 0, nil, err
		}
	}
	return 0, nil, r.fault(fmt.Errorf("there is no frame in %d bytes", patience))
}

// tag passes over what players append: ID3v1 of 128 bytes, and APE tags, which say their length.
func (r *Reader) tag(head []byte) (bool, error) {
	switch {
	case string(head[:3]) == "TAG":
		return true, r.src.Skip(128)
	case string(head) == "APET":
		const size = 32
		tag, err := r.src.Peek(size)
		if len(tag) < size {
			return false, err
		}
		return true, r.src.Skip(size + int64(binary.LittleEndian.Uint32(tag[12:])))
	}
	return false, nil
}

func (r *Reader) note(err error) {
	if r.damage == nil {
		r.damage = r.fault(err)
	}
}

func (r *Reader) fault(err error) error {
	return &audio.FormatError{Format: "MP3", Offset: r.src.Offset(), Err: err}
}
