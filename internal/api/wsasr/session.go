package wsasr

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/transcript"
)

// session is one connection. Its methods run on the connection's worker. An error that they return ends the connection.
type session struct {
	conn   *socket.Conn
	config config
	stream *speech.Stream
	quiet  time.Duration // see socket.Options
	pcm    *speech.PCM16 // nil until there are samples without a header

	held    *input    // was read ahead
	arrived time.Time // when the latest sound came
	before  transcript.Seconds
	binary  bool // binary messages were a container's: those that follow are not samples
	finals  int
	shown   bool // a partial result of the open segment was sent
}

// input is sound, or the end of it.
type input struct {
	data        []byte
	first, last bool // pieces of the message
	text        bool // it came in a text message
	samples     bool // the message said that they are without a header
	end         bool // nothing more comes
	err         error
}

func (s *session) run(ctx context.Context) error {
	if err := s.conn.Send(newConnected()); err != nil {
		return err
	}
	for {
		in := s.next(ctx)
		var err error
		switch {
		case errors.Is(in.err, socket.ErrDraining):
			return errors.Join(s.end(ctx), in.err)
		case in.err != nil:
			return in.err
		case in.end:
			err = s.end(ctx)
		default:
			err = s.hear(ctx, in)
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next sound. It deals with all other messages on the way, and with clients that stop sending while a segment is
// open: the original has no message for the end.
func (s *session) next(ctx context.Context) input {
	if held := s.held; held != nil {
		s.held = nil
		return *held
	}
	for {
		m, err := s.receive(ctx)
		switch {
		case errors.Is(err, socket.ErrQuiet):
			s.conn.Log().Debug("quiet in the middle of a segment, which ends here", "at_s", float64(s.stream.Heard()))
			err = s.flush(ctx)
		case err != nil:
		case !m.Text:
			s.begin(m)
			return input{data: m.Data, first: m.First, last: m.Last}
		default:
			var in *input
			if in, err = s.obey(ctx, m); in != nil && err == nil {
				return *in
			}
		}
		if err != nil {
			return input{err: err}
		}
	}
}

// receive returns the next message, or socket.ErrQuiet when the client has been quiet for too long.
//
// A machine that stood still, or has far too much to do, finds all its clients quiet, though what they have sent only waits to be
// read. So it must have kept time once, within late, before a client is to blame.
func (s *session) receive(ctx context.Context) (socket.Message, error) {
	const late = 100 * time.Millisecond
	m, err := s.conn.Next(ctx, s.patience())
	for inTime := false; errors.Is(err, socket.ErrQuiet) && !inTime; {
		start := time.Now()
		m, err = s.conn.Next(ctx, s.quiet/4)
		inTime = time.Since(start) < s.quiet/4+late
	}
	return m, err
}

// begin notes that sound has come.
func (s *session) begin(m socket.Message) {
	s.arrived = m.At
	if m.First {
		s.before = s.stream.Heard()
		s.conn.CountSound()
	}
}

// patience is how long the client may be quiet before the open segment is taken to have ended: longer than the sound that it
// sends at once lasts, for then it must be quiet in between.
func (s *session) patience() time.Duration {
	if s.quiet == 0 || !s.stream.Open() {
		return 0
	}
	const factor = 1.5
	return s.quiet + time.Duration(factor*float64(s.stream.Heard()-s.before)*float64(time.Second))
}

// obey does what a text message says. If that is sound, it returns it.
func (s *session) obey(ctx context.Context, m socket.Message) (*input, error) {
	var r request
	if !utf8.Valid(m.Data) {
		return nil, s.refuse(textBadMessage, "the message is not UTF-8")
	}
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return nil, s.refuse(textBadMessage, plain(err))
	}
	switch kind := r.kind(); kind {
	case "audio":
		return s.sound(m, &r)
	case "config":
		return nil, s.configure(ctx, r.Config)
	case "ping":
		return nil, s.conn.Send(newPong())
	case "clear":
		s.stream.Clear()
		s.pcm, s.shown = nil, false
		return nil, s.conn.Send(notice{"cleared", "success", textCleared})
	case "end":
		return &input{end: true}, nil
	default:
		return nil, s.refuse(textUnknownType+kind, "")
	}
}

// sound takes the sound out of a message.
func (s *session) sound(m socket.Message, r *request) (*input, error) {
	text := r.Data
	if strings.HasPrefix(text, "data:") { // as FileReader.readAsDataURL has it
		_, text, _ = strings.Cut(text, ",")
	}
	if text == "" {
		return nil, s.refuse(textEmptySound, "")
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=\r\n "))
	if err != nil {
		return nil, s.refuse(textUndecodable, "data: "+err.Error())
	}
	s.begin(m)
	format, _ := r.Format.(string)
	return &input{data: data, first: true, last: true, text: true, samples: codings[strings.ToLower(format)] == pcm16}, nil
}

// configure changes the configuration. What was said before is recognised as it was configured then.
func (s *session) configure(ctx context.Context, raw json.RawMessage) error {
	changed, wrong := s.config.with(raw)
	if wrong != nil {
		return s.refuse(wrong.Message, wrong.Detail)
	}
	if !changed.recognizesLike(&s.config) {
		if err := s.flush(ctx); err != nil {
			return err
		}
		if err := s.stream.Configure(changed.recognition); err != nil {
			return s.refuse(textBadSetting+err.Error(), "")
		}
	}
	if changed.rate != s.config.rate {
		s.pcm = nil
	}
	s.config = changed
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	return s.conn.Send(configured{"config_updated", "success", raw, textConfigured})
}

// end answers what is open and acknowledges that nothing is left. The clock starts again.
func (s *session) end(ctx context.Context) error {
	if s.pcm != nil {
		if err := s.recognize(ctx, s.pcm.Flush()); err != nil {
			return err
		}
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	err := s.conn.Send(ended{"ended", "success", textEnded, s.finals, s.stream.Heard(), now()})
	s.stream.Restart()
	s.pcm, s.binary, s.finals, s.before = nil, false, 0, 0
	return err
}

// refuse tells the client of an error.
func (s *session) refuse(message, detail string) error {
	s.conn.CountError()
	return s.conn.Send(failure{"error", "error", message, detail, now()})
}

// plain is a message about JSON for people who do not know Go.
func plain(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "Go struct field ", ""), "json: ")
}
