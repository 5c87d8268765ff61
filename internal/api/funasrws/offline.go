package funasrws

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/api"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/audio/pcm"
	"sensevoice/internal/spool"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// offline receives an utterance as fast as it comes, and recognises it as a whole.
func (s *session) offline(ctx context.Context, set *settings, first input) (end input, failed, err error) {
	upload, end, failed := s.receive(ctx, first)
	if upload != nil {
		defer s.backend.Uploads.Release(spool.Memory)
		defer upload.Close()
	}
	r := reply{Mode: modeOffline, Name: set.name, IsFinal: true, Warning: s.warning(set)}
	if failed == nil && upload.Size() > 0 {
		var result *transcript.Result
		if result, failed = s.recognize(ctx, set, upload); failed == nil {
			r.Text = s.text(result.Segments...)
			s.stamp(&r, result.Segments...)
		}
	}
	if failed != nil {
		if ctx.Err() != nil {
			return end, failed, failed
		}
		s.conn.CountError()
		s.conn.Log().Info("recognition failed", "error", failed)
		r.Error = failed.Error()
	}
	return end, failed, s.conn.Send(r)
}

// receive takes all of an utterance. When there is no room for it, it hears it out nevertheless, so that the next can follow.
func (s *session) receive(ctx context.Context, in input) (*spool.Upload, input, error) {
	if err := s.backend.Uploads.Acquire(ctx, spool.Memory); err != nil {
		return nil, input{err: err}, err
	}
	size, limit := int64(0), s.backend.Limits().MaxBody
	next := func() ([]byte, error) {
		if in.err != nil || in.mark.ended {
			return nil, io.EOF
		}
		data := in.data
		if size += int64(len(data)); size > limit {
			return nil, fmt.Errorf("the sound is larger than %d bytes", limit)
		}
		in = s.next(ctx)
		return data, nil
	}
	upload, err := s.backend.Spool.Receive(&speech.Pieces{Next: next})
	if err != nil {
		s.backend.Uploads.Release(spool.Memory)
	}
	for in.err == nil && !in.mark.ended {
		in = s.next(ctx)
	}
	return upload, in, err
}

// recognize turns an utterance into text.
func (s *session) recognize(ctx context.Context, set *settings, upload *spool.Upload) (*transcript.Result, error) {
	o := api.Options{PipelineOptions: transcribe.DefaultPipelineOptions(), Whole: true}
	o.Language, o.ITN = set.language, set.withITN()
	if set.pcm() {
		head := make([]byte, audio.SniffSize)
		n, err := io.ReadFull(upload.Open(), head)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if audio.Sniff(head[:n]).Name != "WAV" { // FunASR's page calls WAV files so, header and all
			o.Raw = &decode.RawFormat{Coding: pcm.Must("s16le"), Rate: set.rate, Channels: 1}
		}
	}
	return s.backend.Recognize(ctx, api.Recording{Name: set.name, Sound: upload.Open(), Options: o}, nil)
}
