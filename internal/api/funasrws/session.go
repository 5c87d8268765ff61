package funasrws

import (
	"context"
	"errors"
	"unicode/utf8"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
)

// session is one connection. Its methods run on the connection's worker. An error that they return ends the connection.
type session struct {
	backend  *api.Backend
	conn     *socket.Conn
	pacer    *speech.Pacer
	tags     string
	settings settings
	warned   bool // of hotwords
}

// input is a piece of sound, or the end of the utterance.
type input struct {
	data []byte
	mark mark
	err  error
}

func (s *session) run(ctx context.Context) error {
	for {
		first := s.next(ctx)
		if first.err != nil {
			return first.err
		}
		if err := s.utterance(ctx, first); err != nil {
			return err
		}
	}
}

// next returns the next sound, or the end mark. Settings on the way are taken.
func (s *session) next(ctx context.Context) input {
	for {
		m, err := s.conn.Next(ctx, 0)
		if err != nil {
			return input{err: err}
		}
		if !m.Text {
			if m.First {
				s.conn.CountSound()
			}
			return input{data: m.Data}
		}
		end, err := mark{}, errors.New("the message is not UTF-8")
		if utf8.Valid(m.Data) {
			end, err = s.settings.take(m.Data)
		}
		if err != nil {
			if err := s.fail(err.Error()); err != nil {
				return input{err: err}
			}
			continue
		}
		if end.ended {
			return input{mark: end}
		}
	}
}

// fail tells of an error that the utterance survives.
func (s *session) fail(text string) error {
	s.conn.CountError()
	return s.conn.Send(reply{Mode: s.settings.mode, Name: s.settings.name, Error: text})
}

// utterance recognises what comes until the end mark, and acknowledges that if it is asked for.
func (s *session) utterance(ctx context.Context, first input) error {
	set := s.settings
	var end input
	var failed, err error // recognition, and the connection
	switch {
	case set.mode == modeOffline:
		end, failed, err = s.offline(ctx, &set, first)
	case !set.pcm():
		end, failed, err = s.refuse(ctx, &set, first)
	default:
		end, failed, err = s.live(ctx, &set, first)
	}
	if err == nil && end.mark.confirm {
		r := reply{Mode: set.mode, Name: set.name, IsFinal: failed == nil, IsEnd: true}
		if failed != nil {
			r.Error = failed.Error()
		}
		err = s.conn.Send(r)
	}
	return errors.Join(err, end.err)
}

// onlyPCM is FunASR's own message, and errNotPCM is what the acknowledgement says.
const onlyPCM = "ERROR. Real-time transcription service ONLY SUPPORT PCM stream."

var errNotPCM = errors.New("only samples (wav_format pcm) can be recognised while they come")

// refuse answers sound that cannot be recognised while it comes.
func (s *session) refuse(ctx context.Context, set *settings, in input) (end input, failed, err error) {
	s.conn.CountError()
	err = s.conn.Send(reply{Mode: set.mode, Text: onlyPCM, Name: set.name, IsFinal: true, Error: "use mode offline, or send samples as wav_format pcm"})
	for err == nil && in.err == nil && !in.mark.ended {
		in = s.next(ctx)
	}
	return in, errNotPCM, err
}

// warning tells once what is not supported.
func (s *session) warning(set *settings) string {
	if !set.hotwords || s.warned {
		return ""
	}
	s.warned = true
	s.conn.Log().Warn("hotwords were sent, which the model does not support; they are ignored")
	return "hotwords are not supported by this model; they are ignored"
}
