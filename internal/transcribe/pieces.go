package transcribe

import (
	"context"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/segment"
	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

const (
	minSamples = 400                     // one frame of features
	samplesMS  = audio.SampleRate / 1000 // samples of a millisecond
)

// hear takes samples into the buffer and looks for speech in them.
func (l *Live) hear(samples []float32) error {
	if l.detector == nil {
		if _, _, open := l.cutter.Open(); !open {
			l.cutter.Start(l.cutter.Written())
		}
		l.cutter.Write(samples)
		l.cutter.Advance(l.cutter.Written())
		return nil
	}
	start := time.Now()
	events, err := l.detector.Write(samples)
	l.detect += time.Since(start)
	if err != nil {
		return err
	}
	l.cutter.Write(samples)
	l.follow(events)
	l.cutter.Advance(l.origin + l.detector.Earliest()*samplesMS)
	return nil
}

// follow tells the cutter what the detector found. Speech that goes on to within a frame of the end of the sound goes on to the end: the
// detector has nothing to say about less than a frame.
func (l *Live) follow(events []vad.Event) {
	for _, e := range events {
		if !e.Ended {
			l.cutter.Start(l.origin + e.Start*samplesMS)
			continue
		}
		end := l.origin + e.End*samplesMS
		if l.cutter.Written()-end < minSamples {
			end = l.cutter.Written()
		}
		l.cutter.End(end)
	}
}

// recognize takes the pieces that are complete into the batch, and recognises it when it is full, or if all must be.
func (l *Live) recognize(ctx context.Context, all bool) ([]transcript.Segment, error) {
	limit := samplesOf(l.options.BatchLength)
	var segments []transcript.Segment
	flush := func() error {
		decoded, err := l.flushBatch(ctx)
		segments = append(segments, decoded...)
		return err
	}
	for {
		piece, sound, ok := l.cutter.Next()
		if !ok {
			break
		}
		if len(l.batch) > 0 && l.length+int64(len(sound)) > limit {
			if err := flush(); err != nil {
				return segments, err
			}
		}
		l.take(piece, sound)
	}
	if len(l.batch) > 0 && (all || l.length >= limit) {
		err := flush()
		return segments, err
	}
	return segments, nil
}

// take adds a piece to the batch.
func (l *Live) take(piece segment.Piece, sound []float32) {
	l.skip(l.covered, piece.Start, transcript.SkippedSilence)
	l.covered = piece.End
	if len(sound) < minSamples {
		l.skip(piece.Start, piece.End, transcript.SkippedTooShort)
		return
	}
	l.batch = append(l.batch, piece)
	l.clips = append(l.clips, Clip{Samples: sound, Options: l.options.Options})
	l.length += int64(len(sound))
}

// flushBatch recognises the batch.
func (l *Live) flushBatch(ctx context.Context) ([]transcript.Segment, error) {
	decoded, times, err := l.pipeline.decoder.Recognize(ctx, l.clips)
	l.times.Feature += times.Feature
	l.times.Encode += times.Encode
	if err != nil {
		return nil, err
	}
	var segments []transcript.Segment
	for i, piece := range l.batch {
		s := l.place(piece, decoded[i], &l.seam)
		if s.Text == "" {
			l.skip(piece.Start, piece.End, transcript.SkippedNoSpeech)
			continue
		}
		segments = append(segments, s)
	}
	clear(l.clips)
	l.batch, l.clips, l.length = l.batch[:0], l.clips[:0], 0
	return segments, nil
}

// place moves what was recognised of a piece to its time in the stream, and takes away what belongs to its neighbours.
func (l *Live) place(piece segment.Piece, s transcript.Segment, seam *seam) transcript.Segment {
	s.Shift(seconds(piece.From))
	if piece.CutBefore {
		s = seam.after(s)
	}
	if piece.CutAfter {
		s, *seam = cutAt(s, seconds(piece.End))
	}
	if l.options.Words {
		s.Words = s.FindWords()
	}
	return s
}

// skip notes a range without text.
func (l *Live) skip(from, to int64, reason string) {
	if to > from {
		l.skipped = append(l.skipped, transcript.Skipped{Start: seconds(from), End: seconds(to), Reason: reason})
	}
}
