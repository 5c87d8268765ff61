package asr

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/limit"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

type part = apitest.Part

func serve(t *testing.T, o apitest.Options) (string, *apitest.Backend) {
	b := apitest.New(t, o)
	return b.Serve(t, Routes(b.Backend)...) + "/api/v1/asr", b
}

var times = regexp.MustCompile(`"(load_s|feature_s|encode_s|total_s|rtf)":[0-9.e-]+`)

func TestReply(t *testing.T) {
	url, _ := serve(t, apitest.Options{})
	got := apitest.Post(t, url, part{"files", "a.wav", apitest.Clip(t, "hello.wav")})
	want := `{"result":[{"key":"a.wav","text":"hello good morning thanks",` +
		`"raw_text":"<|en|><|NEUTRAL|><|Speech|><|woitn|> hello good morning thanks","clean_text":"hello good morning thanks",` +
		`"language":"en","duration":2.93,"segments":[{"start":0,"end":2.93,"text":"hello good morning thanks",` +
		`"raw_text":"<|en|><|NEUTRAL|><|Speech|><|woitn|> hello good morning thanks","language":"en","emotion":"NEUTRAL","event":"Speech",` +
		`"times_by":"aligned"}],"skipped":[],"timing":{"audio_s":2.93,T,T,T,T,T}}]}`
	if body := times.ReplaceAllString(got.Body, "T"); got.Status != 200 || body != want {
		t.Errorf("%d\n got %s\nwant %s", got.Status, body, want)
	}
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Compute-Ms") == "" || got.Header.Get("X-Queue-Ms") == "" || got.Header.Get("X-Request-Id") == "" {
		t.Errorf("header %v", got.Header)
	}
}

// TestSpellings tries every name that a field has.
func TestSpellings(t *testing.T) {
	url, _ := serve(t, apitest.Options{})
	clip := apitest.Clip(t, "en.wav")
	for _, test := range []struct {
		parts []part
		want  string
	}{
		{[]part{{"file", "f.wav", clip}, {"language", "", "en"}}, `"key":"f.wav","text":"open door play music one two three"`},
		{[]part{{"audio", "f.wav", clip}, {"lang", "", ""}}, `"text":"open door play music one two three"`},
		{[]part{{"files", "f.wav", clip}, {"use_itn", "", "True"}}, `"text":"open door play music 1 2 3."`},
		{[]part{{"files", "f.wav", clip}, {"keys", "", "mine"}}, `"key":"mine"`},
		{[]part{{"lang", "", "en"}, {"files", "dir/é.wav", clip}, {"language", "", "en"}}, `"key":"dir/é.wav"`},
		{[]part{{"files", "f.wav", clip}, {"words", "", "1"}}, `"words":[{"word":"open","start":`},
		{[]part{{"files", "f.wav", clip}, {"vad", "", "on"}}, `"text":"`},
		{[]part{{"files", "f.wav", clip}, {"max_single_segment_time", "", "60000"}}, `"text":"`},
		{[]part{{"files", "f.wav", clip}, {"vad", "", "off"}}, `"text":"open door play music one two three"`},
		{[]part{{"files", "f.wav", clip}, {"format", "", "text"}}, "open door play music one two three\n"},
		{[]part{{"files", "f.pcm", clip[44:]}, {"raw", "", "s16le:16000"}}, `"text":"open door play music one two three"`},
		{[]part{{"files", "s.wav", apitest.Clip(t, "silence.wav")}}, `{"result":[]}`},
	} {
		apitest.Post(t, url, test.parts...).Check(t, 200, test.want)
	}
	for format, want := range map[string]string{"srt": " --> ", "vtt": "WEBVTT", "tsv": "start\tend\ttext"} {
		apitest.Post(t, url, part{"files", "f.wav", clip}, part{"format", "", format}).Check(t, 200, want)
	}
}

func TestSeveralFiles(t *testing.T) {
	url, b := serve(t, apitest.Options{})
	var parts []part
	names := []string{"hello.wav", "zh.wav", "silence.wav", "en.wav", "hello.wav"}
	for _, name := range names {
		parts = append(parts, part{"files", name, apitest.Clip(t, name)})
	}
	got := apitest.Post(t, url, append(parts, part{"keys", "", "a,b,c,d,e"})...)
	var reply Reply
	if err := json.Unmarshal([]byte(got.Body), &reply); err != nil || len(reply.Result) != 5 {
		t.Fatalf("%v: %s", err, got.Body)
	}
	for i, want := range []string{"hello good morning thanks", "你好打开灯今天天气三五八", "", "open door play music one two three", "hello good morning thanks"} {
		if item := reply.Result[i]; item.Key != string(rune('a'+i)) || item.CleanText != want {
			t.Errorf("%s: %q, want %q", item.Key, item.CleanText, want)
		}
	}
	if b.Uploads.Used() != 0 || b.Work.Used() != 0 || b.Spool.Room().Used() != 0 {
		t.Errorf("still taken: %d, %d, %d bytes", b.Uploads.Used(), b.Work.Used(), b.Spool.Room().Used())
	}
}

func TestWrongInput(t *testing.T) {
	url, b := serve(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxFiles, l.MaxBody = 2, 1<<20 }})
	clip := apitest.Clip(t, "hello.wav")
	good := part{"files", "a.wav", clip}
	for _, test := range []struct {
		name   string
		parts  []part
		status int
		want   string
	}{
		{"no file", []part{{"lang", "", "en"}}, 422, `{"detail":[{"loc":["body","files"],"msg":"Field required`},
		{"nothing", nil, 422, `"type":"missing"`},
		{"unknown field", []part{good, {"langage", "", "en"}}, 422, `{"detail":[{"loc":["body","langage"],"msg":"unknown field; did you mean \"language\"?`},
		{"language", []part{good, {"lang", "", "zn"}}, 422, `{"detail":[{"loc":["body","lang"],"msg":"unknown language \"zn\": did you mean \"zh\"?`},
		{"two languages", []part{good, {"lang", "", "zh"}, {"language", "", "en"}}, 422, `["body","language"]`},
		{"twice", []part{good, {"lang", "", "zh"}, {"lang", "", "zh"}}, 422, "more than once"},
		{"two faults", []part{good, {"lang", "", "zn"}, {"use_itn", "", "maybe"}}, 422, `["body","use_itn"]`},
		{"text for a file", []part{{"files", "", "text"}}, 422, "must be a file"},
		{"a file for text", []part{good, {"lang", "x", "zh"}}, 422, "must be text"},
		{"keys", []part{good, {"keys", "", "a,b"}}, 422, "2 names, separated by commas, for 1 recordings"},
		{"format", []part{good, {"format", "", "sr"}}, 422, `did you mean \"srt\"?`},
		{"format for several", []part{good, good, {"format", "", "srt"}}, 422, "for one recording"},
		{"vad", []part{good, {"vad", "", "maybe"}}, 422, `["body","vad"]`},
		{"silence", []part{good, {"max_end_silence_time", "", "-1"}}, 422, "must be a number from 0 to 60000"},
		{"segment", []part{good, {"max_single_segment_time", "", "1e9"}}, 422, "from 4000 to 86400000"},
		{"threshold", []part{good, {"speech_noise_thres", "", "NaN"}}, 422, "from -1 to 1"},
		{"raw", []part{good, {"raw", "", "s16"}}, 422, "s16le:8000"},
		{"UTF-8", []part{good, {"lang", "", "\xff\xfe"}}, 422, "is not UTF-8"},
		{"long field", []part{good, {"keys", "", strings.Repeat("k", 70<<10)}}, 422, "longer than"},
		{"too many files", []part{good, good, good}, 413, "more than 2 recordings"},
		{"no sound", []part{{"files", "a.wav", "hello, this is not sound at all"}}, 400, "cannot read the recording"},
		{"empty", []part{{"files", "a.wav", ""}}, 400, "cannot read the recording"},
		{"cut", []part{{"files", "a.wav", clip[:30]}}, 400, "cannot read the recording"},
		{"one of two", []part{good, {"files", "b.wav", "junk"}}, 400, `\"b.wav\"`},
		{"too large", []part{{"files", "a.wav", strings.Repeat("x", 1<<20)}}, 413, "larger than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apitest.Post(t, url, test.parts...)
			got.Check(t, test.status, test.want)
			if !json.Valid([]byte(got.Body)) || !strings.HasPrefix(got.Body, `{"detail":`) {
				t.Errorf("not FastAPI's shape: %s", got.Body)
			}
		})
	}
	if b.Uploads.Used() != 0 || b.Work.Used() != 0 || b.Spool.Room().Used() != 0 {
		t.Errorf("still taken: %d, %d, %d bytes", b.Uploads.Used(), b.Work.Used(), b.Spool.Room().Used())
	}
}

// TestOverload answers at once that there is too much to do, with a time to come back.
func TestOverload(t *testing.T) {
	url, b := serve(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxWait = 1 }})
	good := part{"files", "a.wav", apitest.Clip(t, "hello.wav")}
	for name, budget := range map[string]*limit.Budget{"work": b.Work, "uploads": b.Uploads} {
		if !budget.TryAcquire(budget.Size()) {
			t.Fatal("something is taken")
		}
		got := apitest.Post(t, url, good)
		got.Check(t, 429, `{"detail":"too many requests at once; try again later"}`)
		if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("%s: Retry-After %q", name, got.Header.Get("Retry-After"))
		}
		budget.Release(budget.Size())
		apitest.Post(t, url, good).Check(t, 200)
	}
}
