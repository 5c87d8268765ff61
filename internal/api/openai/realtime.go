package openai

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/transcript"
)

// Realtime returns the route of live transcription over WebSocket: OpenAI's realtime interface with intent=transcription, in its present
// form and in that of its beta. The pacer is shared by all protocols that use the same engine.
func Realtime(b *api.Backend, o socket.Options, pacer *speech.Pacer) []api.Route {
	s := &service{Backend: b}
	talk := socket.Handler(b, o, socket.Protocol{Name: "realtime", Subprotocols: []string{"realtime"}, Talk: func(ctx context.Context, c *socket.Conn) error {
		stream := speech.NewStream(b, api.RequestOf(ctx), pacer)
		defer stream.Close()
		session := &session{service: s, conn: c, stream: stream, settings: s.defaultSettings()}
		return session.run(ctx)
	}})
	return []api.Route{{Pattern: "GET /v1/realtime", Shape: api.OpenAI, Handle: func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Query().Get("intent") != "transcription" {
			return &api.Error{
				Status: http.StatusBadRequest, Code: "unsupported_operation", Reason: "bad request",
				Message: "SenseVoice transcribes and does not converse; connect to /v1/realtime?intent=transcription",
			}
		}
		return talk(w, r)
	}}}
}

// session is one connection. Its methods run on the connection's worker. An error that they return ends the connection.
type session struct {
	service  *service
	conn     *socket.Conn
	stream   *speech.Stream
	settings settings
	pcm      *speech.PCM16

	item      *item              // what is being said; nil: nothing
	previous  string             // id of the item before
	committed transcript.Seconds // up to where sound was committed
}

// request is a message of the client.
type request struct {
	Type    string          `json:"type"`
	EventID string          `json:"event_id"`
	Audio   string          `json:"audio"`
	Session json.RawMessage `json:"session"`
}

func (s *session) run(ctx context.Context) error {
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.send(event{Type: "session.created", Session: s.settings.describe(false)}); err != nil {
		return err
	}
	for {
		m, err := s.conn.Next(ctx, 0)
		switch {
		case errors.Is(err, socket.ErrDraining):
			return errors.Join(s.end(ctx), err)
		case err != nil:
			return err
		case !m.Text:
			if m.First {
				err = s.refuse("", "invalid_message", "binary messages are not taken; send {\"type\":\"input_audio_buffer.append\",\"audio\":\"<base64>\"}")
			}
		default:
			err = s.obey(ctx, m.Data)
		}
		if err != nil {
			return err
		}
	}
}

// obey does what a message says.
func (s *session) obey(ctx context.Context, text []byte) error {
	var r request
	if !utf8.Valid(text) {
		return s.refuse("", "invalid_json", "the message is not UTF-8")
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return s.refuse("", "invalid_json", "the message is no JSON object of this interface: "+err.Error())
	}
	switch r.Type {
	case "input_audio_buffer.append":
		data, err := base64.StdEncoding.DecodeString(r.Audio)
		if err != nil || len(data) == 0 {
			return s.refuse(r.EventID, "invalid_value", "audio must be samples in base64")
		}
		s.conn.CountSound()
		return s.hear(ctx, s.pcm.Write(data))
	case "input_audio_buffer.commit":
		return s.commit(ctx, &r)
	case "input_audio_buffer.clear":
		s.stream.Clear()
		s.item, s.committed = nil, s.stream.Heard()
		return errors.Join(s.configure(), s.send(event{Type: "input_audio_buffer.cleared"}))
	case "session.update", "transcription_session.update":
		return s.update(ctx, &r)
	}
	return s.refuse(r.EventID, "invalid_value", "unknown type "+clip(r.Type)+
		"; there are session.update, input_audio_buffer.append, input_audio_buffer.commit and input_audio_buffer.clear")
}

// clip is a word from outside that fits a message.
func clip(word string) string {
	const most = 40
	if len(word) > most {
		return word[:most] + "..."
	}
	return word
}

// update changes the settings. What was said before is transcribed as it was set then.
func (s *session) update(ctx context.Context, r *request) error {
	changed, err := s.settings.with(r.Session)
	if err == nil {
		err = s.service.checkModel(changed.Model)
	}
	if err != nil {
		return s.refuse(r.EventID, "invalid_value", api.Public(ctx, err).Error())
	}
	if err := s.end(ctx); err != nil {
		return err
	}
	s.settings = changed
	if err := s.configure(); err != nil {
		return err
	}
	beta := r.Type != "session.update"
	return s.send(event{Type: r.Type + "d", Session: s.settings.describe(beta)})
}

// configure begins to hear as the settings have it.
func (s *session) configure() (err error) {
	if s.pcm, err = speech.NewPCM16(s.settings.rate); err != nil {
		return err
	}
	return s.stream.Configure(s.settings.recognition)
}

// commit ends what is being said, if anything is.
func (s *session) commit(ctx context.Context, r *request) error {
	before := s.previous
	if err := s.end(ctx); err != nil {
		return err
	}
	if s.previous == before {
		return s.refuse(r.EventID, "input_audio_buffer_commit_empty", "there is no speech to commit")
	}
	return nil
}

// refuse tells the client of an error. The connection stays open.
func (s *session) refuse(cause, code, message string) error {
	s.conn.CountError()
	return s.send(event{Type: "error", Error: &fault{Type: "invalid_request_error", Code: code, Message: message, EventID: cause}})
}
