package wsasr

import (
	"bytes"
	"context"
	"io"
	"time"

	"sensevoice/internal/api/speech"
	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/transcript"
)

// hear recognises sound as it is written: samples, a container that ends with its message, or one that goes on in those that follow,
// as a browser's MediaRecorder makes it.
func (s *session) hear(ctx context.Context, in input) error {
	switch {
	case len(in.data) == 0:
		return nil
	case s.samples(in):
		return s.hearSamples(ctx, in.data)
	case !in.first || !audio.Sniff(in.data).Sound:
		if !in.first && !in.last {
			return nil // one error a message is enough
		}
		return s.refuse(textUndecodable, "the sound has no header that is known; samples without one need \"encoding\":\"pcm16\"")
	}
	s.binary = s.binary || !in.text
	if goesOn(in.data) {
		return s.decode(ctx, &speech.Pieces{Next: s.following(ctx, in)})
	}
	return s.decode(ctx, &speech.Pieces{Next: s.message(ctx, in)})
}

// samples tells whether sound is samples without a header.
func (s *session) samples(in input) bool {
	switch {
	case in.samples || s.config.coding == pcm16:
		return true
	case in.text || s.binary:
		return false
	}
	return !in.first || !container(in.data)
}

// container tells whether binary sound begins with the signature of a container. MPEG and ADTS do not count: samples may look like
// them by chance, every thousandth time.
func container(data []byte) bool {
	kind := audio.Sniff(data)
	return kind.Sound && data[0] != 0xff
}

func (s *session) hearSamples(ctx context.Context, data []byte) error {
	if s.pcm == nil {
		var err error
		if s.pcm, err = speech.NewPCM16(s.config.rate); err != nil {
			return err
		}
	}
	return s.recognize(ctx, s.pcm.Write(data))
}

// message yields the pieces of one message.
func (s *session) message(ctx context.Context, in input) func() ([]byte, error) {
	next := &in
	return func() ([]byte, error) {
		if next == nil {
			return nil, io.EOF
		}
		data := next.data
		if next.last {
			next = nil
			return data, nil
		}
		following := s.next(ctx)
		if following.err != nil || following.end {
			s.held, next = &following, nil
		} else {
			next = &following
		}
		return data, nil
	}
}

// following yields sound until something else begins.
func (s *session) following(ctx context.Context, in input) func() ([]byte, error) {
	data := in.data
	return func() ([]byte, error) {
		if data != nil {
			first := data
			data = nil
			return first, nil
		}
		in := s.next(ctx)
		if in.err != nil || in.end || in.samples || s.config.coding == pcm16 || in.first && container(in.data) {
			s.held = &in
			return nil, io.EOF
		}
		return in.data, nil
	}
}

// decode recognises what a container holds.
func (s *session) decode(ctx context.Context, r io.Reader) error {
	var failed error
	damage, err := speech.Decode(ctx, r, decode.Options{}, func(samples []float32) error {
		failed = s.recognize(ctx, samples)
		return failed
	})
	if err == nil {
		err = damage
	}
	if failed != nil || err == nil {
		return failed
	}
	return s.refuse(textUndecodable, err.Error())
}

// recognize sends the results that samples bring.
func (s *session) recognize(ctx context.Context, samples []float32) error {
	segments, err := s.stream.Write(ctx, samples, s.conn.Behind())
	if err := s.finish(ctx, segments, err); err != nil {
		return err
	}
	if !s.config.partials || s.conn.Behind() {
		return nil
	}
	partial, err := s.stream.Partial(ctx)
	if err != nil || partial == nil || partial.Text == "" && !s.shown {
		return ctx.Err() // a partial result that failed is none; what is wrong will be said of the final one
	}
	s.shown = true
	return s.conn.Send(newResult(partial, s.finals, false, time.Since(s.arrived)))
}

// flush ends the open segment.
func (s *session) flush(ctx context.Context) error {
	segments, err := s.stream.Flush(ctx)
	return s.finish(ctx, segments, err)
}

// finish sends final results, and tells what else went wrong. Where nothing was said there is no result, as in the original,
// unless a partial one must be taken back.
func (s *session) finish(ctx context.Context, segments []transcript.Segment, err error) error {
	for i := range segments {
		if segments[i].Text != "" || s.shown {
			if err := s.conn.Send(newResult(&segments[i], s.finals, true, time.Since(s.arrived))); err != nil {
				return err
			}
			s.finals++
		}
		s.shown = false
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	s.conn.Log().Warn("recognition failed", "error", err)
	return s.refuse(textNotRecognized, err.Error())
}

// goesOn tells whether a WebM stream says that it does not know where it ends, so that later messages may continue it.
func goesOn(data []byte) bool {
	const header, segment = "\x1a\x45\xdf\xa3", "\x18\x53\x80\x67"
	rest, ok := bytes.CutPrefix(data, []byte(header))
	if !ok {
		return false
	}
	size, rest, known := vint(rest)
	if !known || size >= uint64(len(rest)) {
		return true // not even the header is whole
	}
	rest, ok = bytes.CutPrefix(rest[size:], []byte(segment))
	if !ok {
		return true
	}
	_, _, known = vint(rest)
	return !known
}

// vint reads a size of EBML (RFC 8794, section 4). It is not known where all bits are set, or the data ends before.
func vint(data []byte) (size uint64, rest []byte, known bool) {
	if len(data) == 0 || data[0] == 0 {
		return 0, nil, false
	}
	length, mask := 1, byte(0x80)
	for data[0]&mask == 0 {
		length, mask = length+1, mask>>1
	}
	if len(data) < length {
		return 0, nil, false
	}
	size = uint64(data[0] &^ mask)
	for _, b := range data[1:length] {
		size = size<<8 | uint64(b)
	}
	return size, data[length:], size != 1<<(7*length)-1
}
