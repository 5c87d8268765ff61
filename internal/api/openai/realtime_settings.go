package openai

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"sensevoice/internal/api"
	"sensevoice/internal/api/speech"
	"sensevoice/internal/token"
	"sensevoice/internal/transcribe"
)

// settings are what a client may choose about a session.
type settings struct {
	id string // of the session
	Transcription
	detection   *serverVAD // nil: the client commits
	rate        int
	recognition transcribe.PipelineOptions // what follows from them
}

// Transcription is by what, and in which language, speech is transcribed.
type Transcription struct {
	Model    string `json:"model"`
	Language string `json:"language,omitempty"`
}

// The defaults of OpenAI.
const (
	realtimeRate    = 24000 // Hz
	realtimeSilence = 500   // ms of pause that end an item
)

func (s *service) defaultSettings() settings {
	silence := realtimeSilence
	set := settings{
		id: "sess_" + rand.Text(), Transcription: Transcription{Model: s.names()[0]},
		detection: &serverVAD{Type: "server_vad", Silence: &silence}, rate: realtimeRate,
	}
	set.recognition = transcribe.LivePipelineOptions()
	set.recognition.ITN = true
	set.recognition.Detection.MaxEndSilenceTime = silence
	return set
}

// input is what a message says about the sound: nil is as it was.
type input struct {
	Format        json.RawMessage `json:"format"`
	Transcription *Transcription  `json:"transcription"`
	Detection     json.RawMessage `json:"turn_detection"` // "null" is none
}

// with returns the settings with what a message changes. Fields that are not here, such as prompts, change nothing.
func (s settings) with(raw json.RawMessage) (settings, error) {
	var update struct {
		Audio struct {
			Input input `json:"input"`
		} `json:"audio"`
		Format        json.RawMessage `json:"input_audio_format"` // of the beta, with the next two
		Transcription *Transcription  `json:"input_audio_transcription"`
		Detection     json.RawMessage `json:"turn_detection"`
	}
	if len(raw) == 0 {
		return s, api.Wrong("session", "is missing")
	}
	if err := json.Unmarshal(raw, &update); err != nil {
		return s, api.Wrong("session", "is not of this interface: "+err.Error())
	}
	in := update.Audio.Input
	if in.Format == nil {
		in.Format = update.Format
	}
	if in.Detection == nil {
		in.Detection = update.Detection
	}
	if err := s.setFormat(in.Format); err != nil {
		return s, err
	}
	if err := s.setTranscription(cmp.Or(in.Transcription, update.Transcription)); err != nil {
		return s, err
	}
	return s, s.setDetection(in.Detection)
}

// setFormat reads "pcm16", or {"type":"audio/pcm","rate":24000}.
func (s *settings) setFormat(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var name string
	format := struct {
		Type string `json:"type"`
		Rate int    `json:"rate"`
	}{Rate: realtimeRate}
	if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &format) != nil || name != "pcm16" && format.Type != "audio/pcm" {
		return api.Wrong("format", `must be "pcm16", or as {"type":"audio/pcm","rate":24000}: 16-bit little-endian samples, one channel`)
	}
	if format.Rate < speech.MinRate || format.Rate > speech.MaxRate {
		return api.Wrong("rate", fmt.Sprintf("must be %d to %d Hz", speech.MinRate, speech.MaxRate))
	}
	s.rate = format.Rate
	return nil
}

func (s *settings) setTranscription(t *Transcription) error {
	if t == nil {
		return nil
	}
	language, err := token.ParseLanguage(t.Language)
	if err != nil {
		return api.Wrong("language", err.Error())
	}
	s.Transcription = Transcription{cmp.Or(t.Model, s.Model), t.Language}
	s.recognition.Language = language
	return nil
}

func (s *settings) setDetection(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	if string(raw) == "null" {
		s.detection, s.recognition.VAD = nil, transcribe.VADOff
		return nil
	}
	silence := realtimeSilence
	d := &serverVAD{Silence: &silence}
	if err := json.Unmarshal(raw, d); err != nil || d.Type != "server_vad" {
		return api.Wrong("turn_detection", `must be null, or as {"type":"server_vad","silence_duration_ms":500}; read `+strings.ToValidUTF8(clip(string(raw)), ""))
	}
	detection := transcribe.LivePipelineOptions().Detection
	if err := d.apply(&detection); err != nil {
		return api.Wrong("turn_detection", err.Error())
	}
	s.detection, s.recognition.VAD, s.recognition.Detection = d, transcribe.VADOn, detection
	return nil
}

// describe shows the settings as the interface has them, or as its beta had them.
func (s *settings) describe(beta bool) any {
	about := map[string]any{"id": s.id, "object": "realtime.transcription_session", "type": "transcription"}
	if beta {
		about["input_audio_format"], about["input_audio_transcription"], about["turn_detection"] = "pcm16", s.Transcription, s.detection
		return about
	}
	about["audio"] = map[string]any{"input": map[string]any{
		"format":        map[string]any{"type": "audio/pcm", "rate": s.rate},
		"transcription": s.Transcription, "turn_detection": s.detection,
	}}
	return about
}
