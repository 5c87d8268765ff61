package funasrws

import (
	"context"
	"errors"
	"strings"

	"sensevoice/internal/api"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// live is an utterance that is answered while it comes.
type live struct {
	*session
	set     *settings
	stream  *speech.Stream
	pieces  pieces
	index   int    // of the open sentence
	waiting *reply // the latest sentence, which is sent when it is known whether another follows
	failed  error
}

// live recognises an utterance in mode online or 2pass.
func (s *session) live(ctx context.Context, set *settings, in input) (end input, failed, err error) {
	l := &live{session: s, set: set, stream: speech.NewStream(s.backend, api.RequestOf(ctx), s.pacer)}
	defer l.stream.Close()
	o := transcribe.LivePipelineOptions()
	o.Language, o.ITN = set.language, set.withITN()
	if err := l.stream.Configure(o); err != nil {
		return in, err, err
	}
	sound, err := speech.NewPCM16(set.rate)
	if err != nil {
		return in, err, err
	}
	for ; in.err == nil && !in.mark.ended; in = s.next(ctx) {
		if err := l.hear(ctx, sound.Write(in.data)); err != nil {
			return in, l.failed, err
		}
	}
	if ctx.Err() != nil {
		return in, in.err, nil // nobody is there to be answered
	}
	if err := l.hear(ctx, sound.Flush()); err != nil {
		return in, l.failed, err
	}
	return in, l.failed, l.end(ctx)
}

// hear recognises samples and answers what they bring.
func (l *live) hear(ctx context.Context, samples []float32) error {
	segments, err := l.stream.Write(ctx, samples, l.conn.Behind())
	if err := l.finish(ctx, segments, err); err != nil {
		return err
	}
	if l.conn.Behind() {
		return nil
	}
	partial, err := l.stream.Partial(ctx)
	if err != nil || partial == nil {
		return ctx.Err() // a partial result that failed is none; what is wrong will be said of the whole
	}
	return l.piece(l.pieces.agree(partial.Tokens))
}

// piece sends new text of the open sentence.
func (l *live) piece(text string) error {
	if text == "" {
		return nil
	}
	kind := sliceMiddle
	if l.pieces.first() {
		kind = sliceFirst
		if l.index == 0 {
			text = strings.TrimPrefix(text, " ") // it separates sentences
		}
	}
	index := l.index
	return l.conn.Send(reply{
		Mode: "2pass-online", Text: text, Name: l.set.name, SliceType: &kind, Index: &index, Warning: l.warning(l.set),
	})
}

// finish answers sentences that have ended. err is what else went wrong.
func (l *live) finish(ctx context.Context, segments []transcript.Segment, err error) error {
	for i := range segments {
		if err := l.sentence(&segments[i]); err != nil {
			return err
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	l.failed = errors.Join(l.failed, err)
	l.conn.Log().Warn("recognition failed", "error", err)
	l.conn.CountError()
	return l.conn.Send(reply{Mode: l.set.mode, Name: l.set.name, Error: err.Error()})
}

// sentence answers one: in mode online with the text that is still to come, else with all of it.
func (l *live) sentence(s *transcript.Segment) error {
	if l.set.mode == modeOnline {
		err := l.piece(l.pieces.rest(s.Tokens))
		l.advance()
		return err
	}
	text := l.text(*s)
	if text == "" && !l.pieces.any() {
		return nil // nothing was said, and nothing must be replaced
	}
	kind, index, start, end := sliceWhole, l.index, milliseconds(s.Start), milliseconds(s.End)
	r := &reply{
		Mode: "2pass-offline", Text: text, Name: l.set.name, SliceType: &kind, Index: &index, Start: &start, End: &end,
		Warning: l.warning(l.set),
	}
	l.stamp(r, *s)
	l.advance()
	if l.waiting == nil {
		return l.conn.Send(r)
	}
	err := l.release(false)
	l.waiting = r
	return err
}

// advance begins a sentence.
func (l *live) advance() {
	l.index++
	l.pieces = pieces{}
}

// end answers what is open. The last message is marked as such; where there is nothing left to say it is empty.
func (l *live) end(ctx context.Context) error {
	mode := "2pass-offline"
	if l.set.mode == modeOnline {
		mode = "2pass-online"
	}
	nothing := &reply{Mode: mode, Name: l.set.name}
	l.waiting = nothing
	segments, err := l.stream.Flush(ctx)
	if err := l.finish(ctx, segments, err); err != nil {
		return err
	}
	return l.release(true)
}

// release sends the sentence that waits. Of the empty one only the mark of the end matters.
func (l *live) release(last bool) error {
	r := l.waiting
	if r.Index == nil && !last {
		return nil
	}
	r.IsFinal = last
	return l.conn.Send(r)
}
