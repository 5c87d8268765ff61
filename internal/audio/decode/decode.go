// Package decode turns a recording of any format into samples for the models: it recognises the format by content, chooses the
// reader, picks the channels and brings them to 16 kHz. It is the only package that knows all formats.
//
// Sound comes in chunks, so memory does not grow with a recording, and of a stream that is still being written comes what
// has arrived. What is damaged ends the sound there: what came before is delivered, and Damage tells.
package decode

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/pcm"
	"sensevoice/internal/audio/source"
)

// Open recognises the format of r and prepares to decode it. It reads no more than the header, and r need not seek. Once ctx
// is done nothing more is read; a read of r that waits is the caller's to end.
//
// The error is an *audio.FormatError (with audio.ErrUnsupported as its reason where the format is known, but not read),
// an *audio.TooLargeError, or that of r.
func Open(ctx context.Context, r io.Reader, o Options) (*Stream, error) {
	src := source.New(ctx, r, o.MaxBytes)
	decoder, err := open(ctx, src, o)
	if err != nil {
		return nil, err
	}
	s, err := newStream(ctx, src, decoder, o)
	if err != nil {
		return nil, errors.Join(err, closeDecoder(decoder))
	}
	return s, nil
}

func open(ctx context.Context, src *source.Reader, o Options) (audio.Decoder, error) {
	if f := o.Raw; f != nil {
		if err := f.check(); err != nil {
			return nil, err
		}
		info := audio.Info{Name: "raw " + f.Coding.Name, Rate: f.Rate, Channels: f.Channels}
		return pcm.NewReader(src, info, f.Coding, -1), nil
	}
	tagged, err := skipTags(src)
	if err != nil {
		return nil, err
	}
	src.Keep(headLimit)
	head, err := src.Peek(audio.SniffSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	kind := audio.Sniff(head)
	if tagged && kind.Name == "" && len(head) > 0 {
		kind = audio.Kind{Name: "MP3", Sound: true} // whose first frame may come a little later
	}
	if !kind.Sound {
		return nil, notSound(kind, len(head) == 0)
	}
	unsupported := error(&audio.FormatError{Format: kind.Name, Err: audio.ErrUnsupported})
	if read := readers[kind.Name]; read != nil && !preferFFmpeg(kind.Name, o) {
		decoder, err := guardOpen(kind.Name, src, read)
		if !errors.Is(err, audio.ErrUnsupported) {
			src.Forget()
			return decoder, err
		}
		unsupported = err
	}
	return openFFmpeg(ctx, src, kind, unsupported, o)
}

// notSound is the error for what holds no sound that is known.
func notSound(kind audio.Kind, empty bool) error {
	e := &audio.FormatError{Format: "sound"}
	switch {
	case empty:
		e.Err = errors.New("the file is empty")
	case kind.Name != "":
		e.Err = fmt.Errorf("this is %s, not sound", kind.Name)
		e.Hint = "was something else saved in place of the sound?"
	default:
		e.Err = errors.New("the format is not known")
		e.Hint = "of samples without a header say what they are, such as --raw s16le:16000"
	}
	return e
}
