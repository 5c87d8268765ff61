package openai

import (
	"bytes"
	"compress/zlib"
	"math"

	"sensevoice/internal/token"
	"sensevoice/internal/transcript"
)

// Plain is the answer in response_format json.
type Plain struct {
	Text     string    `json:"text"`
	LogProbs []LogProb `json:"logprobs,omitempty"` // where they were asked for
	Usage    Usage     `json:"usage"`
}

// Usage is how much was transcribed.
type Usage struct {
	Type    string `json:"type"`    // "duration"
	Seconds int    `json:"seconds"` // rounded up
}

// LogProb is a token with the natural logarithm of its probability.
type LogProb struct {
	Token   string             `json:"token"`
	LogProb transcript.LogProb `json:"logprob"`
	Bytes   []int              `json:"bytes"`
}

// Verbose is the answer in response_format verbose_json.
type Verbose struct {
	Task     string             `json:"task"`     // "transcribe"
	Language string             `json:"language"` // its English name in lower case
	Duration transcript.Seconds `json:"duration"`
	Text     string             `json:"text"`
	Words    []Word             `json:"words,omitempty"`
	Segments []Segment          `json:"segments,omitempty"`
	Usage    Usage              `json:"usage"`
}

// Word is a word with its time.
type Word struct {
	Word  string             `json:"word"`
	Start transcript.Seconds `json:"start"`
	End   transcript.Seconds `json:"end"`
}

// Segment is a stretch of speech. Emotion and event are ours.
type Segment struct {
	ID               int                `json:"id"`
	Seek             int                `json:"seek"` // in hundredths of a second
	Start            transcript.Seconds `json:"start"`
	End              transcript.Seconds `json:"end"`
	Text             string             `json:"text"`
	Tokens           []int32            `json:"tokens"`
	Temperature      float64            `json:"temperature"` // 0: nothing is drawn at random
	AvgLogProb       transcript.LogProb `json:"avg_logprob"`
	CompressionRatio transcript.Ratio   `json:"compression_ratio"`
	NoSpeechProb     float64            `json:"no_speech_prob"` // 1 where the model says that nobody speaks, else 0
	Words            []Word             `json:"words"`
	Language         string             `json:"language"`
	Emotion          string             `json:"emotion"`
	Event            string             `json:"event"`
}

func usage(d transcript.Seconds) Usage { return Usage{"duration", int(math.Ceil(float64(d)))} }

func plain(r *transcript.Result, c *choice) Plain {
	out := Plain{Text: r.CleanText, Usage: usage(r.Duration)}
	if c.logprobs {
		out.LogProbs = []LogProb{}
		for _, s := range r.Segments {
			out.LogProbs = append(out.LogProbs, logProbs(&s)...)
		}
	}
	return out
}

func logProbs(s *transcript.Segment) []LogProb {
	var out []LogProb
	for _, t := range s.Tokens {
		p := LogProb{Token: t.Text, LogProb: t.LogProb, Bytes: []int{}}
		for _, c := range []byte(t.Text) {
			p.Bytes = append(p.Bytes, int(c))
		}
		out = append(out, p)
	}
	return out
}

func verbose(r *transcript.Result, c *choice) Verbose {
	out := Verbose{
		Task: "transcribe", Language: languageName(r.Language), Duration: r.Duration, Text: r.CleanText, Usage: usage(r.Duration),
	}
	for i, s := range r.Segments {
		words := []Word{}
		for _, w := range s.Words {
			words = append(words, Word{w.Text, w.Start, w.End})
		}
		out.Words = append(out.Words, words...)
		if c.segments {
			out.Segments = append(out.Segments, segment(i, &s, words))
		}
	}
	return out
}

// languageName is what OpenAI calls a language. What the model cannot name is "unknown", since clients want a text.
func languageName(code string) string {
	if name := token.Language(code).Name(); name != "" {
		return name
	}
	return "unknown"
}

func segment(id int, s *transcript.Segment, words []Word) Segment {
	out := Segment{
		ID: id, Seek: int(math.Round(float64(s.Start) * 100)), Start: s.Start, End: s.End, Text: transcript.Clean(s.RawText),
		Tokens: []int32{}, Words: words, Language: s.Language, Emotion: s.Emotion, Event: s.Event,
	}
	sum := 0.0
	for _, t := range s.Tokens {
		out.Tokens = append(out.Tokens, t.ID)
		sum += float64(t.LogProb)
	}
	if len(s.Tokens) > 0 {
		out.AvgLogProb = transcript.LogProb(sum / float64(len(s.Tokens)))
	}
	if s.Language == string(token.NoSpeech) {
		out.NoSpeechProb = 1
	}
	out.CompressionRatio = compressionRatio(out.Text)
	return out
}

// compressionRatio is that of Whisper: bytes of text to bytes that zlib makes of them. Text that repeats itself has a high one.
func compressionRatio(text string) transcript.Ratio {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return transcript.Ratio(float64(len(text)) / float64(out.Len()))
}
