package wsasr

import (
	"encoding/json"
	"testing"

	"sensevoice/internal/api"
)

// FuzzConfig reads whatever clients write: what is wrong changes nothing, and what is taken can be recognised with.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		`{"language":"zh","chunk_duration":3.0,"use_vad":true,"encoding":"base64"}`, `{"language":5}`, `{"chunk_duration":"NaN"}`,
		`{"use_vad":false,"chunk_duration":10}`, `{"max_end_silence_time":99999999999}`, `{"sample_rate":-1}`, `null`, `7`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := defaultConfig(&api.Backend{})
		after, wrong := before.with(json.RawMessage(text))
		if wrong != nil && wrong.Message == "" {
			t.Error("an error without a word")
		}
		if wrong == nil && (after.recognition.Validate() != nil || after.chunk <= 0 || after.chunk > 10) {
			t.Errorf("%+v", after)
		}
	})
}

// FuzzContainer looks at the first bytes of sound.
func FuzzContainer(f *testing.F) {
	f.Add([]byte("\x1aE\xdf\xa3\x81\x00\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x1aE\xdf\xa3\x81\x00\x18\x53\x80\x67\x85"))
	f.Add([]byte("\x1aE\xdf\xa3\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if goesOn(data) && !container(data) {
			t.Error("goes on, and is no container")
		}
		if size, rest, known := vint(data); known && (size > 1<<56 || len(rest) >= len(data)) {
			t.Errorf("size %d of %x, %d bytes left", size, data, len(rest))
		}
	})
}
