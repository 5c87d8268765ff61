package openai

import (
	"encoding/json"
	"testing"

	"sensevoice/internal/api"
)

// FuzzSession reads whatever clients write: what is taken can be transcribed with, and described in both forms.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		`{"type":"transcription","audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"transcription":{"language":"en"},"turn_detection":null}}}`,
		`{"input_audio_format":"pcm16","turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":200}}`,
		`{"audio":{"input":{"format":{"type":"audio/pcm","rate":-1},"turn_detection":{"type":"server_vad","threshold":1e9}}}}`, `null`, `7`, ``,
	} {
		f.Add([]byte(seed))
	}
	s := &service{Backend: &api.Backend{ModelName: "embedded"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := s.defaultSettings().with(json.RawMessage(text))
		if err != nil {
			return
		}
		if err := set.recognition.Validate(); err != nil {
			t.Error(err)
		}
		for _, beta := range []bool{false, true} {
			if _, err := json.Marshal(set.describe(beta)); err != nil {
				t.Error(err)
			}
		}
	})
}
