package funasr

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/api/apitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

type part = apitest.Part

func TestASR(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, Routes(b.Backend)...)
	clip := apitest.Clip(t, "zh.wav")
	got := apitest.Post(t, url+"/asr", part{"file", "a.wav", clip}, part{"language", "", "zh"}, part{"hotwords", "", "a,b"}, part{"spk", "", "false"})
	got.Check(t, 200, `{"text":"你好打开灯今天天气358。","segments":[{"id":0,"start":0,"end":5.43,"text":"你好打开灯今天天气358。"`, `"duration":5.43,"processing_time":`, `"rtf":`)
	if got.Header.Get("X-Ignored-Fields") != "hotwords" {
		t.Errorf("header %v", got.Header)
	}
	for want, parts := range map[string][]part{
		`["body","file"]`:                       {{"language", "", "zh"}},
		`["body","spk"]`:                        {{"file", "a.wav", clip}, {"spk", "", "true"}},
		`did you mean \"language\"?`:            {{"file", "a.wav", clip}, {"langauge", "", "zh"}},
		`["body","language"]`:                   {{"file", "a.wav", clip}, {"language", "", "klingon"}},
		`one recording a request`:               {{"file", "a.wav", clip}, {"file", "b.wav", clip}},
		`\"perhaps\" must be true or false`:     {{"file", "a.wav", clip}, {"itn", "", "perhaps"}},
		`"msg":"must be a file, not text; in c`: {{"file", "", "text"}},
		`or take mix, left or right`:            {{"file", "a.wav", clip}, {"channels", "", "each"}},
		`must be a number from 0 to 86400000`:   {{"file", "a.wav", clip}, {"merge_length_s", "", "-1"}},
	} {
		apitest.Post(t, url+"/asr", parts...).Check(t, 422, want)
	}
}

// TestGenerateOptions sends the settings of FunASR's generate(), with lengths that are longer than there are here: what is done with less
// is in the log.
func TestGenerateOptions(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, Routes(b.Backend)...) + "/asr"
	clip := apitest.Clip(t, "hello.wav")[44:]
	twice := []part{{"file", "a.pcm", clip + strings.Repeat("\x00", 9600) + clip}, {"raw", "", "s16le:16000"}, {"vad", "", "true"}}
	for _, test := range []struct {
		parts    []part
		segments int
	}{
		{[]part{{"max_single_segment_time", "", "60000"}, {"merge_length_s", "", "60"}, {"batch_size_s", "", "300"}, {"batch_size_threshold_s", "", "60"}}, 1},
		{[]part{{"merge_vad", "", "false"}}, 2},
	} {
		got := apitest.Post(t, url, append(twice, test.parts...)...)
		if got.Check(t, 200); strings.Count(got.Body, `"end":`) != test.segments {
			t.Errorf("%v: want %d segments: %s", test.parts, test.segments, got.Body)
		}
	}
	if want := `"done_with":["max_single_segment_time=30000","merge_length_s=30"]`; !strings.Contains(b.Logs.String(), want) {
		t.Errorf("no %s in %s", want, b.Logs)
	}
}

func TestRecognition(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, Routes(b.Backend)...) + "/recognition"
	apitest.Post(t, url, part{"audio", "a.wav", apitest.Clip(t, "hello.wav")}).Check(t, 200,
		`{"code":0,"sentences":[{"text":"hello good morning thanks.","start":0,"end":2930}],"text":"hello good morning thanks."}`)
	apitest.Post(t, url, part{"file", "a.wav", "x"}).Check(t, 422, `{"code":1,"msg":"file: unknown field; `)
	apitest.Post(t, url, part{"audio", "a.wav", "x"}).Check(t, 400, `{"code":1,"msg":"cannot read`)
}

func TestBase64(t *testing.T) {
	b := apitest.New(t, apitest.Options{})
	url := b.Serve(t, Routes(b.Backend)...) + "/api/asr"
	clip := base64.StdEncoding.EncodeToString([]byte(apitest.Clip(t, "hello.wav")))
	post := func(body string) apitest.Reply {
		return apitest.Do(t, "POST", url, strings.NewReader(body), "Content-Type", "application/json; charset=utf-8")
	}
	post(`{"wav_base64":"`+clip+`"}`).Check(t, 200, `{"code":0,"results":"hello good morning thanks."}`)
	for _, test := range []struct {
		body   string
		status int
		want   string
	}{
		{"", 400, "not a JSON object"},
		{"[]", 400, "not a JSON object"},
		{"{}", 422, "must be a recording in base64"},
		{`{"wav_base64":7}`, 422, "must be a recording in base64"},
		{`{"wavbase64":"x"}`, 422, "unknown field; there is wav_base64"},
		{`{"wav_base64":"` + clip[:100] + `!"}`, 422, "is not base64: "},
		{`{"wav_base64":"aGVsbG8="}`, 400, "cannot read the recording"},
		{strings.Repeat(" ", maxJSON+1), 413, "send a form to /asr"},
	} {
		post(test.body).Check(t, test.status, test.want, `{"code":1,"msg":"`)
	}
	apitest.Do(t, "POST", url, strings.NewReader("a=b"), "Content-Type", "text/plain").Check(t, 415, "wav_base64")
	if used := b.Uploads.Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}
