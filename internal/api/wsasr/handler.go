// Package wsasr is the WebSocket protocol of /ws/asr: text messages of JSON, in which sound is base64. It answers as The-Agent-Builder's
// SenseVoice service does, with its words, and goes beyond it in new keys only: sound in binary messages, results of
// segments that are still open, {"type":"end"}, lag_ms.
package wsasr

import (
	"context"
	"encoding/json"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
)

// Routes returns the protocol's only route. The pacer is shared by all protocols that use the same engine.
func Routes(b *api.Backend, o socket.Options, pacer *speech.Pacer) []api.Route {
	protocol := socket.Protocol{Name: "ws/asr", Urgent: answerPing, Talk: func(ctx context.Context, c *socket.Conn) error {
		stream := speech.NewStream(b, api.RequestOf(ctx), pacer)
		defer stream.Close()
		s := &session{conn: c, stream: stream, config: defaultConfig(b), quiet: o.QuietTimeout}
		if err := stream.Configure(s.config.recognition); err != nil {
			return err
		}
		return s.run(ctx)
	}}
	return []api.Route{{Pattern: "GET /ws/asr", Shape: api.FastAPI, Handle: socket.Handler(b, o, protocol)}}
}

// pingSize is the longest text message that may be a ping ahead of its turn.
const pingSize = 512

// answerPing answers pings when they are read, so that they tell of the connection and not of the queue.
func answerPing(c *socket.Conn, text []byte) bool {
	if len(text) > pingSize {
		return false
	}
	var m struct{ Type string }
	if json.Unmarshal(text, &m) != nil || m.Type != "ping" {
		return false
	}
	_ = c.Send(newPong()) // a connection that cannot be written to is noticed by reading
	return true
}

// now is the time in messages: seconds of Unix time.
func now() float64 { return float64(time.Now().UnixMilli()) / 1000 }
