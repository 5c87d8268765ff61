package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// Recognize turns a recording into one text. Emit, if not nil, gets each segment as soon as it is known.
func (b *Backend) Recognize(ctx context.Context, r Recording, emit func(transcript.Segment) error) (*transcript.Result, error) {
	if r.Options.EachChannel() {
		return nil, Wrong("channels", "each makes a text of every channel, and this reply has one; POST /api/v1/asr answers them all, or take mix, left or right")
	}
	results, err := b.recognize(ctx, r, emit)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// RecognizeChannels turns a recording into texts: one of every channel where the options say so, else one.
func (b *Backend) RecognizeChannels(ctx context.Context, r Recording) ([]*transcript.Result, error) {
	return b.recognize(ctx, r, nil)
}

// trackMemory is what a track takes of host memory beside the first, whose memory is workMemory, in bytes: half a minute of samples that
// wait for an end, and half a minute that is recognised, each twice while it grows.
const trackMemory = 8 << 20

// takeTracks takes the memory of all tracks but the first. Who holds memory already does not wait for more, or two would wait for each other.
func (b *Backend) takeTracks(tracks int) (taken int64, err error) {
	taken = int64(tracks-1) * trackMemory
	switch {
	case taken+workMemory > b.Work.Size():
		return 0, &Error{
			Status: http.StatusRequestEntityTooLarge, Reason: "too large",
			Message: fmt.Sprintf("the server has no memory for %d channels, each for itself; take channels=mix, or raise SENSEVOICE_MAX_MEMORY", tracks),
		}
	case !b.Work.TryAcquire(taken):
		return 0, b.Overloaded()
	}
	return taken, nil
}

// results makes the results of all tracks. Where each channel has one, it says which.
func (r *Recording) results(summaries []*transcribe.Summary, segments [][]transcript.Segment, took time.Duration) []*transcript.Result {
	var results []*transcript.Result
	for t, s := range summaries {
		timing := transcript.NewTiming(s.Duration, s.Load, s.Detect+s.Times.Feature, s.Times.Encode, took)
		result := transcript.New(r.Name, transcript.Seconds(s.Duration.Seconds()), segments[t], timing)
		result.Skipped = s.Skipped
		if r.Options.EachChannel() {
			result.Channel = t + 1
		}
		results = append(results, result)
	}
	return results
}
