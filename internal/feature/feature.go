// Package feature turns samples into what the networks read: log-mel frames (Kaldi's fbank), stacked
// to a lower rate and normalised.
//
// A frame is 80 log-mel energies of 25 ms of sound, one every 10 ms; a row is some frames side by
// side, 7 of them every 60 ms for SenseVoice. Each frame depends on its own 400 samples only, and each
// row on its own frames only, so sound cut into overlapping pieces gives the same bits as the whole.
//
// The arithmetic follows torchaudio.compliance.kaldi.fbank without dither and FunASR's WavFrontend
// (funasr/frontends/wav_frontend.py), in float32.
package feature

import "fmt"

// Config says how samples become rows.
type Config struct {
	Bins        int // mel filters: the width of a frame
	FrameLength int // samples of 16 kHz sound in a frame; 2 to 512
	FrameShift  int // samples from one frame to the next
	Stack       int // frames side by side in a row; odd, so that a row has a middle
	Stride      int // frames from one row to the next
}

// The front ends of the two networks: rows of 560 every 60 ms, and rows of 400 every 10 ms.
var (
	SenseVoice = Config{Bins: 80, FrameLength: 400, FrameShift: 160, Stack: 7, Stride: 6}
	VAD        = Config{Bins: 80, FrameLength: 400, FrameShift: 160, Stack: 5, Stride: 1}
)

// Width returns the number of values in a row.
func (c Config) Width() int { return c.Stack * c.Bins }

// Frames returns the number of log-mel frames of a recording: only frames that lie wholly inside it
// count, so less than FrameLength samples give none.
func (c Config) Frames(samples int) int {
	if samples < c.FrameLength {
		return 0
	}
	return 1 + (samples-c.FrameLength)/c.FrameShift
}

// Rows returns the number of rows of a recording.
func (c Config) Rows(samples int) int {
	return (c.Frames(samples) + c.Stride - 1) / c.Stride
}

func (c Config) check() error {
	switch {
	case c.Bins < 1 || c.Bins > fftSize/2:
		return fmt.Errorf("%d mel bins, want 1 to %d", c.Bins, fftSize/2)
	case c.FrameLength < 2 || c.FrameLength > fftSize:
		return fmt.Errorf("frames of %d samples, want 2 to %d", c.FrameLength, fftSize)
	case c.FrameShift < 1:
		return fmt.Errorf("a frame every %d samples, want at least 1", c.FrameShift)
	case c.Stack < 1 || c.Stack%2 == 0:
		return fmt.Errorf("%d frames to a row, want an odd number", c.Stack)
	case c.Stride < 1:
		return fmt.Errorf("a row every %d frames, want at least 1", c.Stride)
	}
	return nil
}

// Extractor computes frames and rows. It never changes after New, so goroutines may share one, each
// with a Workspace of its own.
type Extractor struct {
	Config
	cmvn   *CMVN // nil: rows are not normalised
	window []float32
	fft    *realFFT
	mel    []triangle
}

// Workspace is the scratch memory of one goroutine. The zero value is ready; it grows to the longest
// recording it has seen, and calls that fit allocate nothing.
type Workspace struct {
	spectrum spectrum
	frames   []float32
}

// New makes an Extractor. cmvn may be nil, for rows that are not normalised.
//
// It panics if the configuration is impossible or cmvn has another width than the rows: ReadCMVN and
// CMVN.Check are where the numbers of a model file are refused.
func New(cfg Config, cmvn *CMVN) *Extractor {
	if err := cfg.check(); err != nil {
		panic("feature: " + err.Error())
	}
	if cmvn != nil {
		if err := cmvn.Check(cfg.Width()); err != nil {
			panic("feature: " + err.Error())
		}
	}
	return &Extractor{
		Config: cfg,
		cmvn:   cmvn,
		window: hamming(cfg.FrameLength),
		fft:    newRealFFT(),
		mel:    melBank(cfg.Bins),
	}
}

// Compute writes the rows of a recording to dst, [Rows(len(samples)), Width()].
//
// Samples are finite, mono, at 16 kHz, in [-1, 1]. It panics if dst has another size.
func (e *Extractor) Compute(dst, samples []float32, ws *Workspace) {
	checkSize("rows", len(dst), e.Rows(len(samples))*e.Width())
	size := e.Frames(len(samples)) * e.Bins
	if cap(ws.frames) < size {
		ws.frames = make([]float32, size)
	}
	frames := ws.frames[:size]
	e.LogMel(frames, samples, ws)
	for row := range e.Rows(len(samples)) {
		e.stack(dst[row*e.Width():][:e.Width()], frames, row*e.Stride)
	}
}

// LogMel writes the log-mel frames of a recording to dst, [Frames(len(samples)), Bins].
//
// Samples are as for Compute. It panics if dst has another size.
func (e *Extractor) LogMel(dst, samples []float32, ws *Workspace) {
	frames := e.Frames(len(samples))
	checkSize("frames", len(dst), frames*e.Bins)
	for i := range frames {
		e.frame(dst[i*e.Bins:][:e.Bins], samples[i*e.FrameShift:][:e.FrameLength], &ws.spectrum)
	}
}

// stack writes one row: the frames around the one numbered middle, normalised. Where the recording
// has no more frames, its first or last one is repeated.
func (e *Extractor) stack(row, frames []float32, middle int) {
	last := len(frames)/e.Bins - 1
	for slot := range e.Stack {
		source := min(max(middle+slot-e.Stack/2, 0), last)
		copy(row[slot*e.Bins:], frames[source*e.Bins:][:e.Bins])
	}
	if e.cmvn != nil {
		e.cmvn.apply(row)
	}
}

func checkSize(what string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("feature: room for %d values of %s, want %d", got, what, want))
	}
}
