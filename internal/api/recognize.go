package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
	"sensevoice/internal/batch"
	"sensevoice/internal/metrics"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/transcript"
)

// workMemory is what the recognition of one recording takes of host memory at most, in bytes, beside the queue's: buffers of the decoder,
// half a minute of samples that are looked at before it is known whether there are more, and the segments that are collected.
const workMemory = 12 << 20

// Recording is one piece of sound to be recognised.
type Recording struct {
	Name    string
	Sound   io.Reader
	Options Options
}

// recognize turns a recording into a text for each track. It waits for memory and for the engine in turn, and books in the request's
// account what it took. Emit, if not nil, gets each segment as soon as it is known, and may be slow: nothing else waits for it.
func (b *Backend) recognize(ctx context.Context, r Recording, emit func(transcript.Segment) error) ([]*transcript.Result, error) {
	limits := b.Limits()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Timeout, context.DeadlineExceeded)
	defer cancel()
	request := RequestOf(ctx)
	if lowered := r.Options.Lowered; len(lowered) > 0 {
		b.Log.Warn("a request asked for more than there is", "id", request.ID, "done_with", lowered)
	}
	place, err := b.enter(ctx, request)
	if err != nil {
		return nil, err
	}
	defer place.Leave()
	ctx, span := b.tracer().Start(ctx, "recognize")
	defer span.End()
	start := time.Now()
	if err := b.beginWork(ctx, limits.MaxWait); err != nil {
		return nil, err
	}
	defer b.Work.Release(workMemory)
	waited := time.Since(start)
	stream, err := decode.Open(ctx, r.Sound, decode.Options{Raw: r.Options.Raw, Channels: r.Options.Channels, MaxDuration: limits.MaxLength})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	more, err := b.takeTracks(stream.Tracks())
	if err != nil {
		return nil, err
	}
	defer b.Work.Release(more)
	segments := make([][]transcript.Segment, stream.Tracks())
	decoder := &timedDecoder{place, waited}
	summaries, err := b.run(ctx, decoder, stream, r.Options, func(track int, s transcript.Segment) error {
		segments[track] = append(segments[track], s)
		if emit != nil {
			return emit(s)
		}
		return nil
	})
	if summaries != nil {
		setAccount(span, b.book(request, summaries, decoder.waited))
	}
	if err != nil {
		return nil, err
	}
	return r.results(summaries, segments, time.Since(start)), nil
}

// enter takes a place in the queue before anything is decoded. Once one recording of a request has been let in, the others are too:
// to refuse one of several would waste what was done for the rest.
func (b *Backend) enter(ctx context.Context, request *Request) (*batch.Request, error) {
	request.entering.Lock()
	defer request.entering.Unlock()
	ticket := batch.Ticket{ID: request.ID, Key: request.Caller, Admitted: request.entered}
	if deadline, ok := ctx.Deadline(); ok {
		ticket.Deadline = deadline
	}
	place := b.Queue.Request(ticket)
	if err := place.Enter(0); err != nil {
		return nil, err
	}
	request.entered = true
	return place, nil
}

// beginWork waits for memory, not forever: a client that is told to come back knows more than one that waits.
func (b *Backend) beginWork(ctx context.Context, wait time.Duration) error {
	if b.Work.TryAcquire(workMemory) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := b.Work.Acquire(waiting, workMemory)
	if err != nil && ctx.Err() == nil {
		return b.Overloaded()
	}
	return err
}

// run recognises a stream. Under Whole it looks first whether the sound ends within one segment.
func (b *Backend) run(
	ctx context.Context, d transcribe.Decoder, s *decode.Stream, o Options, emit func(track int, s transcript.Segment) error,
) ([]*transcribe.Summary, error) {
	var source transcribe.Source = s
	if o.Whole {
		head, ended, err := readAhead(s, int(transcribe.LongestSegment.Seconds())*audio.SampleRate)
		if err != nil {
			return nil, err
		}
		if ended {
			o.VAD = transcribe.VADOff
		}
		source = &resumed{head: head, rest: s}
	}
	return transcribe.NewPipeline(d, b.VAD).RunTracks(ctx, source, s.Tracks(), o.PipelineOptions, emit)
}

// readAhead reads up to n samples, and tells whether those are all.
func readAhead(s transcribe.Source, n int) (head []float32, ended bool, err error) {
	buf := make([]float32, 4096)
	for len(head) <= n {
		got, err := s.Read(buf)
		head = append(head, buf[:got]...)
		if errors.Is(err, io.EOF) {
			return head, len(head) <= n, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return head, false, nil
}

// resumed is a source some of which has been read already.
type resumed struct {
	head []float32
	rest transcribe.Source
}

func (r *resumed) Read(dst []float32) (int, error) {
	if len(r.head) > 0 {
		n := copy(dst, r.head)
		if r.head = r.head[n:]; len(r.head) == 0 {
			r.head = nil // half a minute of samples need not stay
		}
		return n, nil
	}
	return r.rest.Read(dst)
}

// timedDecoder measures how long a decoder lets its one caller wait.
type timedDecoder struct {
	transcribe.Decoder
	waited time.Duration
}

func (t *timedDecoder) Recognize(ctx context.Context, clips []transcribe.Clip) ([]transcript.Segment, transcribe.Times, error) {
	start := time.Now()
	segments, times, err := t.Decoder.Recognize(ctx, clips)
	t.waited += max(0, time.Since(start)-times.Feature-times.Encode)
	return segments, times, err
}

// book adds what a recording took to the request's account and the metrics, and returns it.
func (b *Backend) book(request *Request, tracks []*transcribe.Summary, queue time.Duration) Account {
	a := Account{Decode: tracks[0].Load, Queue: queue} // all tracks are read together
	for _, s := range tracks {
		a = a.Plus(Account{Sound: s.Duration, Detect: s.Detect, Encode: s.Times.Feature + s.Times.Encode})
	}
	request.Add(a)
	b.Metrics.Recording(a.Sound, metrics.Stages{Queue: a.Queue, Decode: a.Decode, VAD: a.Detect, Encode: a.Encode}, time.Since(request.Start))
	return a
}

// Overloaded is the error for a request that there is no memory for now, and may be later.
func (b *Backend) Overloaded() *Error {
	return &Error{
		Status: http.StatusTooManyRequests, Message: "too many requests at once; try again later", Code: "rate_limit_exceeded",
		Reason: "no memory", RetryAfter: b.backlog(),
	}
}

// backlog estimates when there is less to do.
func (b *Backend) backlog() time.Duration {
	stats := b.Queue.Stats()
	if stats.Speed == 0 || stats.Engines == 0 {
		return 5 * time.Second
	}
	wait := stats.Seconds / (stats.Speed * float64(stats.Engines))
	return min(max(time.Duration(wait*float64(time.Second)), time.Second), 5*time.Minute)
}
