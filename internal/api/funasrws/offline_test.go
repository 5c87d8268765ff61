package funasrws

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sensevoice/internal/api/sockettest"
)

func TestOffline(t *testing.T) {
	c := dial(t, serve(t), "/any/path")
	for _, clip := range sockettest.Clips(t) {
		file, err := os.ReadFile(clip.Path())
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			format string
			data   []byte
		}{
			{"pcm", sockettest.PCM16(clip.Samples, 0)},
			{"wav", file},
			{"PCM", file}, // FunASR's own page
			{"others", file},
		} {
			c.text(`{"mode":"offline","wav_name":"` + clip.File + `","wav_format":"` + test.format + `","is_speaking":true,"itn":false,"chunk_size":[5,10,5]}`)
			c.sound(test.data)
			c.text(`{"is_speaking":false}`)
			m := c.read()
			if m.Mode != "offline" || m.Name != clip.File || !*m.IsFinal || squeeze(untagged(t, m.Text)) != squeeze(clip.Text) || m.Timestamp != nil {
				t.Errorf("%s as %s: %+v, want %q", clip.File, test.format, m, clip.Text)
			}
			if len(m.Sentences) == 0 || m.Sentences[0].End <= m.Sentences[0].Start || len(m.Sentences[0].Times) == 0 {
				t.Errorf("%s as %s: sentences %+v", clip.File, test.format, m.Sentences)
			}
		}
	}
}

func TestRate(t *testing.T) {
	c := dial(t, serve(t), "/?tags=clean")
	clip := sockettest.Clips(t)[0]
	var half []float32
	for i := 0; i+1 < len(clip.Samples); i += 2 {
		half = append(half, (clip.Samples[i]+clip.Samples[i+1])/2)
	}
	c.text(`{"mode":"offline","audio_fs":"8000","itn":"false"}`)
	c.sound(sockettest.PCM16(half, 0))
	c.text(`{"is_finished":true}`)
	if m := c.read(); m.Text == "" || m.Error != "" {
		t.Errorf("%+v, want about %q", m, clip.Text)
	}
}

func TestTimestampIsText(t *testing.T) {
	c := dial(t, serve(t), "/?tags=clean")
	for _, clip := range sockettest.Clips(t)[:3] {
		c.text(`{"mode":"offline","itn":false}`)
		c.sound(sockettest.PCM16(clip.Samples, 0))
		c.text(`{"is_speaking":false}`)
		m := c.read()
		var times [][2]int64
		if m.Timestamp == nil || json.Unmarshal([]byte(*m.Timestamp), &times) != nil {
			t.Fatalf("%s: %+v", clip.File, m)
		}
		want := len(strings.Fields(clip.Text))
		if clip.Language == "zh" {
			want = len([]rune(clip.Text))
		}
		if m.Text != clip.Text || len(times) != want {
			t.Errorf("%s: %q with %d times, want %q with %d", clip.File, m.Text, len(times), clip.Text, want)
		}
		last := int64(0)
		for _, pair := range times {
			if pair[0] < last || pair[1] < pair[0] || pair[1] > int64(len(clip.Samples)/16) {
				t.Errorf("%s: times %v", clip.File, times)
			}
			last = pair[0]
		}
	}
}

func TestWrongMessages(t *testing.T) {
	c := dial(t, serve(t), "/")
	for _, test := range []struct{ send, want string }{
		{`{`, "no JSON object"},
		{`[]`, "no JSON object"},
		{`null`, "no JSON object"},
		{"{\"wav_name\":\"\xff\"}", "not UTF-8"},
		{`{"mode":"3pass"}`, "mode"},
		{`{"mode":7}`, "mode"},
		{`{"audio_fs":1}`, "audio_fs"},
		{`{"audio_fs":"fast"}`, "audio_fs"},
		{`{"chunk_size":[5,0,5]}`, "chunk_size"},
		{`{"chunk_size":[5,5]}`, "chunk_size"},
		{`{"svs_lang":"zn"}`, `"zh"`},
		{`{"itn":"perhaps"}`, "itn"},
		{`{"wav_name":"` + strings.Repeat("x", 2000) + `"}`, "wav_name"},
		{`{"is_speaking":[]}`, "is_speaking"},
	} {
		c.text(test.send)
		if m := c.read(); !strings.Contains(m.Error, test.want) || *m.IsFinal || m.Text != "" {
			t.Errorf("%s: %+v, want %q", test.send, m, test.want)
		}
	}
	// And the connection still works, with all that FunASR's clients write, and more.
	clip := sockettest.Clips(t)[0]
	c.text(`{"mode":"offline","itn":0,"hotwords":"{\"阿里巴巴\":20}","svs_lang":null,"wav_name":"h5","wav_format":"PCM","audio_fs":16000,"is_speaking":true,
		"chunk_size":[5,10,5],"chunk_interval":10,"encoder_chunk_look_back":4,"decoder_chunk_look_back":0,"max_single_segment_time":60000,"mystery":1}`)
	c.sound(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"is_speaking":false}`)
	if m := c.read(); untagged(t, m.Text) != clip.Text || !strings.Contains(m.Warning, "hotwords") {
		t.Errorf("%+v", m)
	}
}

func TestRefusals(t *testing.T) {
	c := dial(t, serve(t), "/")
	c.text(`{"mode":"2pass","wav_format":"mp3"}`)
	c.sound(make([]byte, 5000))
	c.text(`{"is_speaking":false,"is_end":true}`)
	if m := c.read(); m.Text != "ERROR. Real-time transcription service ONLY SUPPORT PCM stream." || !*m.IsFinal {
		t.Errorf("%+v", m)
	}
	if m := c.read(); !m.IsEnd || *m.IsFinal || m.Error == "" {
		t.Errorf("%+v", m)
	}
	c.text(`{"mode":"offline","wav_format":"mp3"}`)
	c.sound([]byte("this is no sound at all, whatever its name may be"))
	c.text(`{"is_speaking":false,"is_end":true}`)
	if m := c.read(); m.Error == "" || m.Text != "" || !*m.IsFinal {
		t.Errorf("%+v", m)
	}
	if m := c.read(); !m.IsEnd || *m.IsFinal || m.Error == "" {
		t.Errorf("%+v", m)
	}
}
