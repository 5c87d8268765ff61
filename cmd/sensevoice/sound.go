package main

import (
	"context"
	"errors"
	"io"
	"os"

	"sensevoice/internal/audio/decode"
)

// sound is a recording that is being read.
type sound struct {
	*decode.Stream
	close []func() error
}

// openSound opens a file, or standard input for "-". Reading ends when the context does, even while a pipe says nothing.
func (p *program) openSound(ctx context.Context, path string, o decode.Options) (*sound, error) {
	s := &sound{}
	from := p.in
	regular := false
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, reason(err)
		}
		s.close = append(s.close, f.Close)
		if info, err := f.Stat(); err == nil {
			regular = info.Mode().IsRegular()
			if info.IsDir() {
				return nil, errors.Join(errors.New("is a folder"), s.Close())
			}
		}
		from = f
	}
	if !regular {
		from = s.endWith(ctx, from)
	}
	stream, err := decode.Open(ctx, from, o)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Stream = stream
	return s, nil
}

// endWith passes on what r says until the context ends. A read that still waits then ends with the process.
func (s *sound) endWith(ctx context.Context, r io.Reader) io.Reader {
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, r)
		write.CloseWithError(err)
	}()
	stop := context.AfterFunc(ctx, func() { read.CloseWithError(context.Cause(ctx)) })
	s.close = append(s.close, func() error {
		stop()
		return read.Close()
	})
	return read
}

// Close closes the recording.
func (s *sound) Close() error {
	var err error
	if s.Stream != nil {
		err = s.Stream.Close()
	}
	for _, close := range s.close {
		err = errors.Join(err, close())
	}
	return err
}

// readSamples reads a whole recording of one track, or as much of it as there is within a number of samples.
func (p *program) readSamples(ctx context.Context, path string, limit int) (samples []float32, err error) {
	s, err := p.openSound(ctx, path, decode.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	part := make([]float32, 1<<14)
	for len(samples) < limit {
		n, err := s.Read(part)
		samples = append(samples, part[:n]...)
		if err == io.EOF {
			return samples, s.Damage()
		}
		if err != nil {
			return nil, err
		}
	}
	return samples[:limit], nil
}
