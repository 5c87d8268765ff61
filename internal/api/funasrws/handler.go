// Package funasrws is FunASR's WebSocket protocol, on any path: a header in a text message, sound in binary ones, and an end mark; one
// result for the whole (offline), pieces of text while somebody speaks (online), or both (2pass).
//
// SenseVoice is no streaming model. The pieces are what two recognitions of the open sentence, one after the other, agree on, so
// a piece is never taken back; in 2pass the whole sentence replaces them when it ends.
package funasrws

import (
	"context"
	"slices"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/speech"
)

// Routes returns the protocol's only route. Pages of all hosts may connect: FunASR's own is served from another port, or from a
// file. The pacer is shared by all protocols that use the same engine.
func Routes(b *api.Backend, o socket.Options, pacer *speech.Pacer) []api.Route {
	o.Origins = []string{"*"}
	protocol := socket.Protocol{Name: "funasr", Subprotocols: []string{"binary"}, Talk: func(ctx context.Context, c *socket.Conn) error {
		tags := c.Request().URL.Query().Get("tags")
		if tags == "" {
			tags = tagsRaw
		}
		if !slices.Contains(tagChoices, tags) {
			return &socket.Closing{Code: 1008, Reason: "tags must be raw, clean or emoji"}
		}
		s := &session{backend: b, conn: c, pacer: pacer, tags: tags, settings: defaultSettings()}
		return s.run(ctx)
	}}
	return []api.Route{{Pattern: "/", Shape: api.FastAPI, Handle: socket.Handler(b, o, protocol)}}
}

// How texts show what the model hears beside words.
const (
	tagsRaw   = "raw"   // tags of language, emotion and event in front of each sentence, as FunASR has them
	tagsClean = "clean" // none
	tagsEmoji = "emoji"
)

var tagChoices = []string{tagsRaw, tagsClean, tagsEmoji}
