package transcribe

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/audio"
	"sensevoice/internal/golden"
	"sensevoice/internal/segment"
	"sensevoice/internal/transcript"
)

var digitNames = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// humanDigits strings recordings of spoken digits together that the embedded model was not trained on, with 80 ms between them.
func humanDigits(t *testing.T, speaker string, take int, digits ...int) (sound []float32, text string) {
	t.Helper()
	dir := os.Getenv("SENSEVOICE_FSDD")
	if dir == "" {
		dir = filepath.Join(golden.Root(), "..", "shared", "datasets", "fsdd", "recordings")
	}
	var words []string
	for _, d := range digits {
		file, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d_%s_%d.wav", d, speaker, take)))
		if err != nil {
			golden.Missing(t, "fsdd", err.Error())
		}
		const header = 44 // of 16-bit PCM
		if string(file[36:40]) != "data" || binary.LittleEndian.Uint32(file[24:]) != 8000 {
			t.Fatalf("%d_%s_%d.wav is not 16-bit PCM at 8 kHz", d, speaker, take)
		}
		low := make([]float32, len(file[header:])/2)
		for i := range low {
			low[i] = float32(int16(binary.LittleEndian.Uint16(file[header+2*i:]))) / 32768
		}
		sound = append(sound, make([]float32, audio.SampleRate*15/100)...)
		sound = append(sound, level(doubleRate(low), 0.3)...)
		words = append(words, digitNames[d])
	}
	noise := rand.New(rand.NewPCG(1, 1))
	sound = append(sound, make([]float32, audio.SampleRate*15/100)...)
	for i := range sound {
		sound[i] += float32(noise.NormFloat64() * 1e-4)
	}
	return sound, strings.Join(words, " ")
}

// level scales samples to a peak.
func level(samples []float32, to float32) []float32 {
	peak := max(slices.Max(samples), -slices.Min(samples))
	for i := range samples {
		samples[i] *= to / peak
	}
	return samples
}

// doubleRate interpolates samples at half the rate with a windowed sinc.
func doubleRate(low []float32) []float32 {
	const taps = 16
	out := make([]float32, 2*len(low))
	for i, x := range low {
		out[2*i] = x
		sum := 0.0
		for k := -taps; k < taps; k++ {
			if at := i + 1 + k; at >= 0 && at < len(low) {
				d := float64(k) + 0.5
				sum += float64(low[at]) * math.Sin(math.Pi*d) / (math.Pi * d) * (0.5 + 0.5*math.Cos(math.Pi*d/taps))
			}
		}
		out[2*i+1] = float32(sum)
	}
	return out
}

// cutInto transcribes sound that is cut at exactly the given place, or nowhere if that is beyond its end.
func cutInto(t *testing.T, p *Pipeline, sound []float32, at int) []transcript.Segment {
	t.Helper()
	o := LivePipelineOptions()
	o.VAD = VADOff
	live, err := p.NewLive(o)
	if err != nil {
		t.Fatal(err)
	}
	end := len(sound)
	before, after := min(end, at+overlap), max(0, at-overlap)
	live.take(segment.Piece{End: int64(min(at, end)), To: int64(before), CutAfter: at < end}, sound[:before])
	if at < end {
		live.take(segment.Piece{Start: int64(at), End: int64(end), From: int64(after), To: int64(end), CutBefore: true}, sound[after:])
	}
	segments, err := live.flushBatch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return segments
}

func text(segments []transcript.Segment) string {
	raws := make([]string, len(segments))
	for i, s := range segments {
		raws[i] = s.RawText
	}
	return transcript.Clean(raws...)
}

// sure returns strings of human digits that the embedded model gets right wherever its rows begin, so that whatever goes wrong
// when they are cut is the cut's fault.
func sure(t *testing.T, p *Pipeline, wanted int) (sounds [][]float32, texts []string) {
	t.Helper()
	digits := []int{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 9} // seven and eight it takes for six now and then
	for take := range 5 {
		for _, speaker := range []string{"theo", "yweweler", "george", "jackson", "lucas", "nicolas"} {
			sound, want := humanDigits(t, speaker, take, digits...)
			good := true
			for late := 0; good && late < audio.SampleRate*6/100; late += audio.SampleRate / 100 {
				good = text(cutInto(t, p, sound[late:], len(sound))) == want
			}
			if !good {
				continue
			}
			sounds, texts = append(sounds, sound), append(texts, want)
			if len(sounds) == wanted {
				return sounds, texts
			}
		}
	}
	t.Fatalf("the model is sure of only %d strings", len(sounds))
	return nil, nil
}

// TestCutEverywhere slides a cut across known strings of digits in steps of 20 ms: nothing is lost, and nothing said twice.
func TestCutEverywhere(t *testing.T) {
	p := NewPipeline(recognizer(t, fastest(), 2), nil)
	t.Run("synthetic", func(t *testing.T) {
		for _, c := range clips(t) {
			if c.File == "digits.wav" {
				slideCut(t, p, c.samples, c.WoITN)
			}
		}
	})
	t.Run("human", func(t *testing.T) {
		wanted := 2
		if testing.Short() {
			wanted = 1
		}
		sounds, texts := sure(t, p, wanted)
		for i, sound := range sounds {
			slideCut(t, p, sound, texts[i])
		}
	})
}

func slideCut(t *testing.T, p *Pipeline, sound []float32, want string) {
	t.Helper()
	cuts, step := 0, audio.SampleRate/50
	if testing.Short() {
		step *= 5
	}
	for at := step; at < len(sound); at += step {
		segments := cutInto(t, p, sound, at)
		got := strings.TrimSuffix(text(segments), ".") // the small model may end with a full stop unasked: it is no word
		if got != want {
			t.Errorf("cut at %.2f s of %.2f:\n got %s\nwant %s", seconds(int64(at)), seconds(int64(len(sound))), got, want)
		}
		checkTimes(t, segments)
		cuts++
	}
	t.Logf("%d cuts through %q", cuts, want)
}

// checkTimes holds that segments follow each other, and tokens within them.
func checkTimes(t *testing.T, segments []transcript.Segment) {
	t.Helper()
	last := transcript.Seconds(0)
	for _, s := range segments {
		if !(s.Start >= last && s.End > s.Start) {
			t.Errorf("a segment from %v to %v after %v", s.Start, s.End, last)
		}
		last = s.Start
		for _, token := range s.Tokens {
			if !(token.Start >= last && token.End >= token.Start && token.End <= s.End+0.001) {
				t.Errorf("token %+v after %v in a segment to %v", token, last, s.End)
			}
			last = token.Start
		}
		last = s.End
	}
}
