package openai

import (
	"context"
	"crypto/rand"

	"sensevoice/internal/transcript"
)

// event is a message of the server. What a kind of event does not have is left out.
type event struct {
	Type       string  `json:"type"`
	EventID    string  `json:"event_id"`
	Session    any     `json:"session,omitempty"`
	ItemID     string  `json:"item_id,omitempty"`
	Previous   string  `json:"previous_item_id,omitempty"`
	Start      *int    `json:"audio_start_ms,omitempty"`
	End        *int    `json:"audio_end_ms,omitempty"`
	Content    *int    `json:"content_index,omitempty"` // 0
	Delta      string  `json:"delta,omitempty"`
	Transcript *string `json:"transcript,omitempty"`
	Usage      *Usage  `json:"usage,omitempty"`
	Error      *fault  `json:"error,omitempty"`
}

// fault is what went wrong.
type fault struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	EventID string `json:"event_id,omitempty"` // of the client's message
}

func (s *session) send(e event) error {
	e.EventID = "event_" + rand.Text()
	return s.conn.Send(e)
}

// item is a stretch of speech, or what a client has committed.
type item struct {
	id    string
	start transcript.Seconds
	raw   []string // texts of its segments, with tags
}

const transcription = "conversation.item.input_audio_transcription."

// hear transcribes samples.
func (s *session) hear(ctx context.Context, samples []float32) error {
	segments, err := s.stream.Write(ctx, samples, s.conn.Behind())
	return s.follow(ctx, segments, err)
}

// end transcribes what is open, and commits it.
func (s *session) end(ctx context.Context) error {
	if err := s.hear(ctx, s.pcm.Flush()); err != nil {
		return err
	}
	segments, err := s.stream.Flush(ctx)
	if err := s.follow(ctx, segments, err); err != nil {
		return err
	}
	if s.settings.detection == nil && s.stream.Heard() > s.committed { // also if nothing was said
		if s.item == nil {
			s.item = newItem(s.committed)
		}
		err = s.finish(s.stream.Heard())
	}
	s.committed = s.stream.Heard()
	return err
}

// follow tells of segments that have ended and of one that has begun. Without detection they are kept until the client commits.
func (s *session) follow(ctx context.Context, segments []transcript.Segment, failed error) error {
	for i := range segments {
		if s.item == nil {
			if err := s.begin(segments[i].Start); err != nil {
				return err
			}
		}
		s.item.raw = append(s.item.raw, segments[i].RawText)
		if s.settings.detection != nil {
			if err := s.finish(segments[i].End); err != nil {
				return err
			}
		}
	}
	if failed != nil {
		return s.fail(ctx, failed)
	}
	if s.settings.detection == nil {
		return nil
	}
	start, open := s.stream.Opened()
	if s.item != nil && (!open || start > s.item.start) { // it was no speech after all
		if err := s.finish(s.stream.Heard()); err != nil {
			return err
		}
	}
	if open && s.item == nil {
		return s.begin(start)
	}
	return nil
}

func newItem(start transcript.Seconds) *item { return &item{id: "item_" + rand.Text(), start: start} }

// begin opens an item.
func (s *session) begin(start transcript.Seconds) error {
	s.item = newItem(start)
	if s.settings.detection == nil {
		return nil
	}
	return s.send(event{Type: "input_audio_buffer.speech_started", ItemID: s.item.id, Start: milliseconds(start)})
}

// finish commits the item and sends its text.
func (s *session) finish(end transcript.Seconds) error {
	done := s.item
	s.item = nil
	var events []event
	if s.settings.detection != nil {
		events = append(events, event{Type: "input_audio_buffer.speech_stopped", ItemID: done.id, End: milliseconds(end)})
	}
	text, amount, content := transcript.Clean(done.raw...), usage(end-done.start), 0
	events = append(events, event{Type: "input_audio_buffer.committed", ItemID: done.id, Previous: s.previous})
	s.previous = done.id
	if text != "" {
		events = append(events, event{Type: transcription + "delta", ItemID: done.id, Content: &content, Delta: text})
	}
	events = append(events, event{Type: transcription + "completed", ItemID: done.id, Content: &content, Transcript: &text, Usage: &amount})
	for _, e := range events {
		if err := s.send(e); err != nil {
			return err
		}
	}
	return nil
}

// fail tells that recognition went wrong, of the item that is open if there is one.
func (s *session) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	s.conn.Log().Warn("recognition failed", "error", err)
	s.conn.CountError()
	e := event{Type: "error", Error: &fault{Type: "server_error", Code: "transcription_failed", Message: err.Error()}}
	if s.item != nil {
		content := 0
		e.Type, e.ItemID, e.Content = transcription+"failed", s.item.id, &content
		s.item = nil
	}
	return s.send(e)
}

func milliseconds(s transcript.Seconds) *int {
	ms := int(float64(s)*1000 + 0.5)
	return &ms
}
