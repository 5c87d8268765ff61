package funasrws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/api/speech"
	"sensevoice/internal/audio"
	"sensevoice/internal/token"
)

// The modes.
const (
	modeOffline = "offline"
	modeOnline  = "online"
	mode2Pass   = "2pass"
)

// settings are what the text messages of a connection have said so far. They hold for an utterance as they are when its first
// sound comes.
type settings struct {
	mode     string
	name     string // wav_name
	format   string // wav_format, in lower case
	rate     int
	language token.Language
	itn      bool
	svsITN   *bool // set: it has the last word
	hotwords bool
}

func defaultSettings() settings {
	return settings{mode: mode2Pass, name: "wav-default-id", format: "pcm", rate: audio.SampleRate, language: token.Auto, itn: true}
}

// pcm tells whether the sound is samples without a header.
func (s *settings) pcm() bool { return s.format == "pcm" }

// withITN tells whether figures and punctuation are wanted: svs_itn is SenseVoice's own setting; itn is that of FunASR's step after
// it, which here is the same thing.
func (s *settings) withITN() bool {
	if s.svsITN != nil {
		return *s.svsITN
	}
	return s.itn
}

// mark is what a text message says beside settings.
type mark struct {
	ended   bool // the utterance
	confirm bool // and that is to be acknowledged
}

// maxName bounds wav_name, which is echoed in every message.
const maxName = 1024

// take reads a text message. If a key is wrong, none counts.
func (s *settings) take(text []byte) (mark, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil || keys == nil {
		return mark{}, errors.New("the message is no JSON object")
	}
	changed, m := *s, mark{}
	speaking, finished := true, false
	for _, key := range []struct {
		name string
		read func(json.RawMessage) error
	}{
		{"mode", choice(&changed.mode, modeOffline, modeOnline, mode2Pass)},
		{"wav_name", func(v json.RawMessage) error { return readText(v, &changed.name, maxName) }},
		{"wav_format", func(v json.RawMessage) error { return readText(v, &changed.format, 32) }},
		{"audio_fs", changed.readRate},
		{"svs_lang", changed.readLanguage},
		{"itn", flag(&changed.itn)},
		{"svs_itn", func(v json.RawMessage) error { changed.svsITN = new(bool); return flag(changed.svsITN)(v) }},
		{"hotwords", changed.readHotwords},
		{"chunk_size", checkChunks},
		{"is_speaking", flag(&speaking)},
		{"is_finished", flag(&finished)},
		{"is_end", flag(&m.confirm)},
	} {
		value, there := keys[key.name]
		if !there || string(value) == "null" {
			continue
		}
		if err := key.read(value); err != nil {
			return mark{}, fmt.Errorf("%s: %w", key.name, err)
		}
	}
	changed.format = strings.ToLower(changed.format)
	*s = changed
	m.ended = !speaking || finished
	return m, nil
}

func readText(v json.RawMessage, to *string, limit int) error {
	if json.Unmarshal(v, to) != nil {
		return errors.New("must be a text")
	}
	if len(*to) > limit {
		return fmt.Errorf("longer than %d bytes", limit)
	}
	return nil
}

func choice(to *string, choices ...string) func(json.RawMessage) error {
	return func(v json.RawMessage) error {
		var text string
		if json.Unmarshal(v, &text) != nil || !slices.Contains(choices, text) {
			return fmt.Errorf("%s: must be one of %s", clip(v), strings.Join(choices, ", "))
		}
		*to = text
		return nil
	}
}

// flag reads true, false, 1, 0, and texts of these.
func flag(to *bool) func(json.RawMessage) error {
	return func(v json.RawMessage) (err error) {
		if *to, err = strconv.ParseBool(unquoted(v)); err != nil {
			return fmt.Errorf("%s: must be true or false", clip(v))
		}
		return nil
	}
}

func (s *settings) readRate(v json.RawMessage) error {
	rate, err := strconv.Atoi(unquoted(v))
	if err != nil || rate < speech.MinRate || rate > speech.MaxRate {
		return fmt.Errorf("%s: must be %d to %d Hz", clip(v), speech.MinRate, speech.MaxRate)
	}
	s.rate = rate
	return nil
}

func (s *settings) readLanguage(v json.RawMessage) (err error) {
	var text string
	if json.Unmarshal(v, &text) != nil {
		return errors.New("must be a text")
	}
	s.language, err = token.ParseLanguage(text)
	return err
}

// readHotwords notes whether there are any: SenseVoice takes none, and the client is told so.
func (s *settings) readHotwords(v json.RawMessage) error {
	text := strings.TrimSpace(unquoted(v))
	s.hotwords = text != "" && text != "{}"
	return nil
}

// checkChunks reads [5,10,5] or "5,10,5". What it says is for models that recognise in chunks.
func checkChunks(v json.RawMessage) error {
	var sizes []int
	if bytes.HasPrefix(v, []byte(`"`)) {
		v = json.RawMessage("[" + strings.Trim(unquoted(v), "[]") + "]")
	}
	if json.Unmarshal(v, &sizes) != nil || len(sizes) != 3 || sizes[1] == 0 {
		return fmt.Errorf("%s: must be three whole numbers, the middle one not 0", clip(v))
	}
	return nil
}

// unquoted is a value as text, whether it came as text or not.
func unquoted(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text
	}
	return string(v)
}

// clip is a value that fits a message.
func clip(v json.RawMessage) string {
	const most = 40
	if len(v) > most {
		return strings.ToValidUTF8(string(v[:most]), "") + "..."
	}
	return string(v)
}
