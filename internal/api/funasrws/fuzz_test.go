package funasrws

import (
	"testing"

	"sensevoice/internal/api/speech"
)

// FuzzSettings reads whatever clients write: what is wrong changes nothing, and what is taken is within bounds.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		`{"mode":"2pass","chunk_size":[5,10,5],"wav_name":"h5","is_speaking":true,"hotwords":"{\"a\":20}","itn":true}`,
		`{"is_speaking":false,"is_end":true}`, `{"audio_fs":"8000","svs_lang":"zn","svs_itn":0,"chunk_size":"5,10,5"}`,
		`{"mode":null,"wav_format":"PCM","is_finished":"true"}`, `[]`, `null`, `{"chunk_size":"[1]"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := defaultSettings()
		m, err := s.take(text)
		if err != nil && (s != defaultSettings() || m != mark{}) {
			t.Errorf("%v, and yet %+v, %+v", err, s, m)
		}
		if s.rate < speech.MinRate || s.rate > speech.MaxRate || len(s.name) > maxName || s.language == "" {
			t.Errorf("%+v", s)
		}
		if s.mode != modeOffline && s.mode != modeOnline && s.mode != mode2Pass {
			t.Errorf("mode %q", s.mode)
		}
	})
}
