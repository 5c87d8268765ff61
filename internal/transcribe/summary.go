package transcribe

import (
	"slices"
	"time"

	"sensevoice/internal/token"
	"sensevoice/internal/transcript"
)

// Summary is what there is to say about a recording beside its segments.
type Summary struct {
	Duration time.Duration        // of the sound
	Skipped  []transcript.Skipped // ranges without text, in order
	Load     time.Duration        // reading and decoding the source
	Detect   time.Duration        // finding the speech
	Times    Times                // of all batches
}

// pass notes what a stream's latest call brought, and hands its segments on. err is that call's error: segments from before it count.
func (s *Summary) pass(l *Live, segments []transcript.Segment, emit func(transcript.Segment) error, err error) error {
	s.Duration, s.Detect, s.Times = l.Written(), l.detect, l.times
	s.Skipped = append(s.Skipped, l.skipped...)
	for _, segment := range segments {
		if err := emit(segment); err != nil {
			return err
		}
	}
	return err
}

// Result makes the result of a recording of its segments. load is what it took to open the source, total the time in all.
func (s *Summary) Result(file string, segments []transcript.Segment, load, total time.Duration) *transcript.Result {
	timing := transcript.NewTiming(s.Duration, load+s.Load, s.Detect+s.Times.Feature, s.Times.Encode, total)
	r := transcript.New(file, transcript.Seconds(s.Duration.Seconds()), segments, timing)
	r.Skipped = slices.SortedStableFunc(slices.Values(s.Skipped), func(a, b transcript.Skipped) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	if len(segments) == 0 {
		r.Language = string(token.NoSpeech)
	}
	return r
}
