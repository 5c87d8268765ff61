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
