package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sensevoice/internal/api"
	"sensevoice/internal/token"
	"sensevoice/internal/vad"
)

var form = api.FormSpec{
	Files: []string{"file"}, Single: true,
	Fields: append([]string{
		"model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]", "timestamp_granularities",
		"include[]", "include", "stream", "chunking_strategy", "known_speaker_names[]", "known_speaker_references[]",
		"languages[]", "keywords[]", "spk", "hotwords", "itn", "use_itn",
	}, api.OptionFields...),
}

// choice is what a request asked for.
type choice struct {
	api.Options
	format   string
	stream   bool
	logprobs bool
	segments bool // in verbose_json
	words    bool // likewise
	ignored  []string
}

// read reads all fields. What the model cannot do is refused where the answer would be wrong without it, and named in the reply's
// header where it is a wish.
func (s *service) read(f *api.Form) (choice, error) {
	v := f.Values()
	c := choice{Options: s.Options(v)}
	model, _ := v.Text("model")
	c.format = v.Choice("json", []string{"json", "text", "srt", "verbose_json", "vtt", "diarized_json"}, "response_format")
	c.stream = v.Bool(false, "stream")
	c.Whole = c.Whole && !c.stream // else there would be nothing to see before the end
	c.ITN = v.Bool(true, "itn", "use_itn")
	v.Number(0, 0, 1, "temperature")
	c.language(v)
	c.granularities(v)
	c.include(v)
	c.chunking(v)
	c.refuse(v)
	for _, wish := range []string{"prompt", "temperature", "keywords[]", "hotwords"} {
		if given := v.List(wish); len(given) > 0 && given[0] != "" && given[0] != "0" {
			c.ignored = append(c.ignored, wish)
		}
	}
	if err := v.Err(); err != nil {
		return c, err
	}
	return c, s.checkModel(model)
}

// language reads the language, or a list of allowed ones, of which one is a choice and several are a wish.
func (c *choice) language(v *api.Values) {
	c.Language = v.Language("language")
	allowed := v.List("languages[]")
	for _, text := range allowed {
		l, err := token.ParseLanguage(text)
		if err != nil {
			v.Fault("languages[]", err.Error())
		} else if len(allowed) == 1 && c.Language == token.Auto {
			c.Language = l
		}
	}
	if len(allowed) > 1 {
		c.ignored = append(c.ignored, "languages[]")
	}
}

// granularities reads which times verbose_json has.
func (c *choice) granularities(v *api.Values) {
	asked := slices.Concat(v.List("timestamp_granularities[]"), v.List("timestamp_granularities"))
	c.segments = len(asked) == 0
	for _, g := range asked {
		switch g {
		case "segment":
			c.segments = true
		case "word":
			c.words, c.Words = true, true
		default:
			v.Fault("timestamp_granularities[]", "must be word or segment")
		}
	}
	if len(asked) > 0 && c.format != "verbose_json" {
		v.Fault("timestamp_granularities[]", "is for response_format verbose_json alone")
	}
}

func (c *choice) include(v *api.Values) {
	for _, what := range slices.Concat(v.List("include[]"), v.List("include")) {
		if what != "logprobs" {
			v.Fault("include[]", "must be logprobs")
		}
		c.logprobs = true
	}
	if c.logprobs && c.format != "json" {
		v.Fault("include[]", "is for response_format json alone")
	}
}

// serverVAD is OpenAI's form of the settings of voice detection. What is nil is as it was.
type serverVAD struct {
	Type      string   `json:"type"` // "server_vad"
	Threshold *float64 `json:"threshold,omitempty"`
	Padding   *int     `json:"prefix_padding_ms,omitempty"`
	Silence   *int     `json:"silence_duration_ms,omitempty"`
}

// apply sets ours by them.
func (s *serverVAD) apply(d *vad.Options) error {
	for _, field := range []struct {
		value *int
		most  int
		name  string
		to    *int
	}{
		{s.Padding, 5000, "prefix_padding_ms", &d.LookbackTimeStartPoint},
		{s.Silence, 60000, "silence_duration_ms", &d.MaxEndSilenceTime},
	} {
		if field.value == nil {
			continue
		}
		if *field.value < 0 || *field.value > field.most {
			return fmt.Errorf("%s must be 0 to %d", field.name, field.most)
		}
		*field.to = *field.value
	}
	if s.Threshold != nil {
		if !(*s.Threshold >= 0 && *s.Threshold <= 1) {
			return errors.New("threshold must be 0 to 1")
		}
		d.SpeechNoiseThres = 2**s.Threshold - 1 // p ≥ t is p - (1-p) ≥ 2t-1
	}
	return nil
}

// chunking reads how the recording is cut.
func (c *choice) chunking(v *api.Values) {
	text, name := v.Text("chunking_strategy")
	if text == "" || text == "auto" {
		return
	}
	var s serverVAD
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil || s.Type != "server_vad" {
		v.Fault(name, `must be "auto", or JSON such as {"type":"server_vad","silence_duration_ms":500}`)
		return
	}
	c.Whole = false
	if err := s.apply(&c.Detection); err != nil {
		v.Fault(name, err.Error())
	}
}

// refuse names what cannot be done.
func (c *choice) refuse(v *api.Values) {
	const noSpeakers = "this model does not tell speakers apart"
	if c.format == "diarized_json" {
		v.Fault("response_format", noSpeakers)
	}
	if v.Bool(false, "spk") {
		v.Fault("spk", noSpeakers)
	}
	for _, field := range []string{"known_speaker_names[]", "known_speaker_references[]"} {
		if len(v.List(field)) > 0 {
			v.Fault(field, noSpeakers)
		}
	}
	if c.stream && c.format != "json" && c.format != "text" {
		v.Fault("stream", "is for response_format json or text")
	}
}
