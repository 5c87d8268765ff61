package transcribe

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/transcript"
	"sensevoice/internal/vad"
)

// phrases is the recording with pauses.
func phrases(t *testing.T) []float32 {
	t.Helper()
	for _, c := range clips(t) {
		if c.File == "phrases.wav" {
			return c.samples
		}
	}
	t.Fatal("no phrases.wav")
	return nil
}

// writeAll writes a recording in chunks and returns the segments and what was skipped.
func writeAll(t *testing.T, l *Live, sound []float32, size func() int) (segments []transcript.Segment, skipped []transcript.Skipped) {
	t.Helper()
	for len(sound) > 0 {
		n := min(size(), len(sound))
		more, err := l.Write(t.Context(), sound[:n])
		if err != nil {
			t.Fatal(err)
		}
		segments, skipped = append(segments, more...), append(skipped, l.Skipped()...)
		sound = sound[n:]
	}
	more, err := l.Flush(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return append(segments, more...), append(skipped, l.Skipped()...)
}

// TestChunks writes the same recording in chunks of many sizes: the segments are the same, and so are those of a batch.
func TestChunks(t *testing.T) {
	p := NewPipeline(recognizer(t, fastest(), 2), openVAD(t, "embedded"))
	sound := phrases(t)
	random := rand.New(rand.NewPCG(2, 2))
	var want []transcript.Segment
	for i, size := range []func() int{
		func() int { return 1600 },
		func() int { return 1 << 30 },
		func() int { return 77 },
		func() int { return 1 + random.IntN(20000) },
	} {
		live, err := p.NewLive(LivePipelineOptions())
		if err != nil {
			t.Fatal(err)
		}
		got, _ := writeAll(t, live, sound, size)
		if want == nil {
			want = got
		}
		if len(got) != 7 || !reflect.DeepEqual(got, want) {
			t.Errorf("sizes %d: %d segments\n got %+v\nwant %+v", i, len(got), got, want)
		}
	}
	src := samples(sound)
	o := DefaultPipelineOptions()
	o.MergeLength = 0
	var got []transcript.Segment
	if _, err := p.Run(t.Context(), &src, o, func(s transcript.Segment) error {
		got = append(got, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("in one batch: %+v, want %+v", got, want)
	}
}

// TestLive looks at a stream while it goes on.
func TestLive(t *testing.T) {
	p := NewPipeline(recognizer(t, fastest(), 2), openVAD(t, "embedded"))
	live, err := p.NewLive(LivePipelineOptions())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := live.Partial(t.Context()); s != nil || err != nil {
		t.Errorf("before anything was said: %+v, %v", s, err)
	}
	sound := phrases(t)
	write := func(from, to float64) (texts []string) {
		segments, err := live.Write(t.Context(), sound[int(from*audio.SampleRate):int(to*audio.SampleRate)])
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			texts = append(texts, s.Text)
		}
		return texts
	}
	if got := write(0, 6.2); !reflect.DeepEqual(got, []string{"hello", "open window"}) {
		t.Errorf("until 6.2 s: %q", got)
	}
	partial, err := live.Partial(t.Context())
	if err != nil || partial == nil || partial.Text != "one two" || !(partial.Start > 4.5 && partial.Start < 5 && partial.End == 6.2) {
		t.Errorf("partial %+v, %v", partial, err)
	}
	if start, open := live.Open(); !open || start != partial.Start {
		t.Errorf("open %v since %v", open, start)
	}
	if again, err := live.Partial(t.Context()); err != nil || !reflect.DeepEqual(again, partial) {
		t.Errorf("the second partial differs: %+v, %v", again, err)
	}
	last, err := live.Flush(t.Context())
	if err != nil || len(last) != 1 || last[0].Text != "one two" {
		t.Errorf("flushed: %+v, %v", last, err)
	}
	// The stream goes on, and so do its times.
	if got := write(7.5, float64(len(sound))/audio.SampleRate); !reflect.DeepEqual(got, []string{"stop music", "seven eight", "good night"}) {
		t.Errorf("after the pause: %q", got)
	}
	last, err = live.Flush(t.Context())
	if err != nil || len(last) != 1 || last[0].Text != "goodbye" {
		t.Fatalf("at the end: %+v, %v", last, err)
	}
	if start := float64(last[0].Start); !(math.Abs(start-(15.66-1.3)) < 0.1) {
		t.Errorf("goodbye at %v", start)
	}
}

// TestShortSilences ends segments at pauses that are hardly longer than those between words: no word is lost to the end of the one before.
func TestShortSilences(t *testing.T) {
	p := NewPipeline(recognizer(t, fastest(), 2), openVAD(t, "embedded"))
	for _, c := range clips(t) {
		for _, silence := range []int{400, 350, 200} {
			o := LivePipelineOptions()
			o.Detection.MaxEndSilenceTime = silence
			live, err := p.NewLive(o)
			if err != nil {
				t.Fatal(err)
			}
			segments, _ := writeAll(t, live, c.samples, func() int { return 960 })
			got := ""
			for _, s := range segments {
				got += s.Text
			}
			if squeeze := strings.NewReplacer(" ", "").Replace; squeeze(got) != squeeze(c.WoITN) {
				t.Errorf("%s, %d ms: %q, want %q", c.File, silence, got, c.WoITN)
			}
		}
	}
}

// echo is a decoder that hears a word each second, and counts.
type echo struct {
	calls, samples, clips int
	most, largest         int // samples of a clip and of a batch
	failAt                int // fails at that call
}

var errBroken = errors.New("device lost")

func (e *echo) Recognize(ctx context.Context, clips []Clip) ([]transcript.Segment, Times, error) {
	if e.calls++; e.calls == e.failAt {
		return nil, Times{}, errBroken
	}
	segments := make([]transcript.Segment, len(clips))
	before := e.samples
	defer func() { e.largest = max(e.largest, e.samples-before) }()
	for i, c := range clips {
		e.samples += len(c.Samples)
		e.most = max(e.most, len(c.Samples))
		said := transcript.Segment{End: seconds(int64(len(c.Samples)))}
		for at := 0; at+audio.SampleRate <= len(c.Samples); at += audio.SampleRate {
			said.Tokens = append(said.Tokens, transcript.Token{Text: " x", Start: seconds(int64(at)), End: seconds(int64(at + 1600))})
			said.RawText += " x"
		}
		said.Text = transcript.Rich(said.RawText)
		segments[i] = said
	}
	e.clips += len(clips)
	return segments, Times{Encode: time.Millisecond}, ctx.Err()
}

func TestErrorsEndARun(t *testing.T) {
	voice := openVAD(t, "embedded")
	run := func(decoder Decoder, src Source, emit func(transcript.Segment) error) error {
		o := DefaultPipelineOptions()
		o.VAD, o.BatchLength = VADOff, 0
		_, err := NewPipeline(decoder, voice).Run(t.Context(), src, o, emit)
		return err
	}
	sound := func() *loop { return &loop{sound: talk(t), left: 90 * audio.SampleRate} }
	emitted := 0
	count := func(transcript.Segment) error {
		emitted++
		return nil
	}
	if err := run(&echo{failAt: 3}, sound(), count); !errors.Is(err, errBroken) || emitted != 2 {
		t.Errorf("the third batch fails: %v, %d segments", err, emitted)
	}
	full := errors.New("disk full")
	if err := run(&echo{}, sound(), func(transcript.Segment) error { return full }); !errors.Is(err, full) {
		t.Errorf("emit fails: %v", err)
	}
	if err := run(&echo{}, failing{sound(), errBroken}, count); !errors.Is(err, errBroken) {
		t.Errorf("the source fails: %v", err)
	}
	short := samples(make([]float32, 399))
	if err := run(&echo{}, &short, count); !errors.Is(err, ErrTooShort) {
		t.Errorf("399 samples: %v", err)
	}
	nan := samples(make([]float32, 1000))
	nan[700] = float32(math.NaN())
	_, err := NewPipeline(&echo{}, voice).Run(t.Context(), &nan, DefaultPipelineOptions(), count)
	if bad, ok := errors.AsType[*vad.SampleError](err); !ok || bad.Position != 700 {
		t.Errorf("NaN: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := NewPipeline(&echo{}, voice).Run(ctx, sound(), DefaultPipelineOptions(), count); !errors.Is(err, cause) {
		t.Errorf("cancelled: %v", err)
	}
}

// failing is a source that fails where it should end.
type failing struct {
	*loop
	err error
}

func (s failing) Read(dst []float32) (int, error) {
	n, err := s.loop.Read(dst)
	if err == io.EOF {
		err = s.err
	}
	return n, err
}

func TestOptionsAreChecked(t *testing.T) {
	p := NewPipeline(&echo{}, nil)
	for name, test := range map[string]struct {
		change func(*PipelineOptions)
		want   string
	}{
		"no network": {func(*PipelineOptions) {}, "voice detection is on, and there is no model for it"},
		"long":       {func(o *PipelineOptions) { o.Detection.MaxSingleSegmentTime = 60000 }, "max_single_segment_time is 60000 ms: must be 4000 to 30000"},
		"merge":      {func(o *PipelineOptions) { o.MergeLength = 31 * time.Second }, "merge_length_s is 31: must be 0 to 30, the most that a segment lasts"},
		"batch":      {func(o *PipelineOptions) { o.BatchLength = -1 }, "batch_size_s is -1e-09: must be 0 to 600"},
		"mode":       {func(o *PipelineOptions) { o.VAD = 7 }, "no VAD mode 7"},
		"empty":      {func(o *PipelineOptions) { *o = PipelineOptions{} }, "max_single_segment_time is 0 ms: must be 4000 to 30000"},
		"detection":  {func(o *PipelineOptions) { o.Detection.WindowSize = 0 }, "window_size_ms is 0 ms: must be 10 to 10000 (default 200)"},
	} {
		o := DefaultPipelineOptions()
		test.change(&o)
		if _, err := p.NewLive(o); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
