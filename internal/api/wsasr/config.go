package wsasr

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sensevoice/internal/api"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/audio"
	"sensevoice/internal/token"
	"sensevoice/internal/transcribe"
)

// config is what a connection has configured.
type config struct {
	recognition transcribe.PipelineOptions
	chunk       float64 // seconds
	coding      coding
	rate        int
	partials    bool
}

// coding is how sound is written.
type coding int

const (
	byContent coding = iota // containers by their first bytes; binary messages that have none are samples
	pcm16                   // 16-bit little-endian samples, one channel
)

// codings are the names that clients may give. The original knows base64 alone, which says nothing of the sound.
var codings = map[string]coding{
	"base64": byContent, "auto": byContent, "webm": byContent, "opus": byContent, "webm/opus": byContent, "binary": byContent,
	"pcm": pcm16, "pcm16": pcm16, "pcm_s16le": pcm16, "s16le": pcm16, "linear16": pcm16,
}

// EndSilence is the pause that ends a segment unless the server's settings or the client say otherwise. FunASR waits 800 ms; with
// this, the result of live speech is there within half a second of its end though the machine is busy, and segments are hardly others.
const EndSilence = 350 * time.Millisecond

func defaultConfig(b *api.Backend) config {
	c := config{recognition: transcribe.LivePipelineOptions(), chunk: 3, rate: audio.SampleRate, partials: true}
	c.recognition.ITN = b.ITN
	c.recognition.Detection.MaxEndSilenceTime = int(cmp.Or(b.Silence, EndSilence).Milliseconds())
	return c
}

// settings are the keys of a config message. Keys that are not here are kept and ignored, as the original does.
type settings struct {
	Language      any              `json:"language"`
	ChunkDuration *json.RawMessage `json:"chunk_duration"`
	UseVAD        *bool            `json:"use_vad"`
	UseITN        *bool            `json:"use_itn"`
	Encoding      *string          `json:"encoding"`
	SampleRate    *int             `json:"sample_rate"`
	Partials      *bool            `json:"partial_results"`
	EndSilence    *int             `json:"max_end_silence_time"`
}

// with returns the configuration with what a message changes, or what is wrong with that; then only the latter counts.
func (c config) with(raw json.RawMessage) (config, *failure) {
	var s settings
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return c, &failure{Message: textBadMessage, Detail: "config: " + plain(err)}
		}
	}
	for _, set := range []func(*settings) *failure{c.setLanguage, c.setChunk, c.setSound, c.setSilence} {
		if wrong := set(&s); wrong != nil {
			return c, wrong
		}
	}
	set(&c.partials, s.Partials)
	set(&c.recognition.ITN, s.UseITN)
	if s.UseVAD != nil {
		c.recognition.VAD = transcribe.VADOn
		if !*s.UseVAD {
			c.recognition.VAD = transcribe.VADOff
		}
	}
	longest := transcribe.LongestSegment.Seconds()
	if c.recognition.VAD == transcribe.VADOff { // then sound is cut by the clock
		const shortest = 4 // seconds, below which cuts cost words
		longest = max(c.chunk, shortest)
	}
	c.recognition.Detection.MaxSingleSegmentTime = int(1000 * longest)
	if err := c.recognition.Validate(); err != nil {
		return c, &failure{Message: textBadSetting + err.Error()}
	}
	return c, nil
}

// recognizesLike tells whether the sound of the open segment may go on under another configuration.
func (c *config) recognizesLike(other *config) bool {
	a, b := &c.recognition, &other.recognition
	return a.Options == b.Options && a.VAD == b.VAD && a.Detection.MaxEndSilenceTime == b.Detection.MaxEndSilenceTime &&
		a.Detection.MaxSingleSegmentTime == b.Detection.MaxSingleSegmentTime
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (c *config) setLanguage(s *settings) *failure {
	if s.Language == nil {
		return nil
	}
	name, ok := s.Language.(string)
	if !ok {
		return &failure{Message: textBadLanguage + fmt.Sprint(s.Language)}
	}
	language, err := token.ParseLanguage(name)
	if err != nil {
		return &failure{Message: textBadLanguage + name, Detail: err.Error()}
	}
	c.recognition.Language = language
	return nil
}

func (c *config) setChunk(s *settings) *failure {
	if s.ChunkDuration == nil {
		return nil
	}
	seconds, err := strconv.ParseFloat(strings.Trim(string(*s.ChunkDuration), `"`), 64)
	switch {
	case err != nil || math.IsNaN(seconds):
		return &failure{Message: textChunkNumber}
	case seconds <= 0 || seconds > 10:
		return &failure{Message: textChunkRange}
	}
	c.chunk = seconds
	return nil
}

func (c *config) setSound(s *settings) *failure {
	if s.Encoding != nil {
		coding, known := codings[strings.ToLower(*s.Encoding)]
		if !known {
			return &failure{Message: textBadSetting + fmt.Sprintf("encoding %q: must be one of %s", *s.Encoding, names())}
		}
		c.coding = coding
	}
	if s.SampleRate != nil {
		if *s.SampleRate < speech.MinRate || *s.SampleRate > speech.MaxRate {
			return &failure{Message: textBadSetting + fmt.Sprintf("sample_rate %d: must be %d to %d", *s.SampleRate, speech.MinRate, speech.MaxRate)}
		}
		c.rate = *s.SampleRate
	}
	return nil
}

func (c *config) setSilence(s *settings) *failure {
	const most = 60000
	if s.EndSilence == nil {
		return nil
	}
	if *s.EndSilence < 0 || *s.EndSilence > most {
		return &failure{Message: textBadSetting + fmt.Sprintf("max_end_silence_time %d: must be 0 to %d milliseconds", *s.EndSilence, most)}
	}
	c.recognition.Detection.MaxEndSilenceTime = *s.EndSilence
	return nil
}

func names() string {
	var all []string
	for name := range codings {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
