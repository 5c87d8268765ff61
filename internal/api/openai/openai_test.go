package openai

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

type part = apitest.Part

func serve(t *testing.T, o apitest.Options) (string, *apitest.Backend) {
	b := apitest.New(t, o)
	return b.Serve(t, Routes(b.Backend)...), b
}

const path = "/v1/audio/transcriptions"

func TestFormats(t *testing.T) {
	url, _ := serve(t, apitest.Options{})
	clip := part{"file", "en.wav", apitest.Clip(t, "en.wav")}
	for _, test := range []struct {
		name  string
		parts []part
		kind  string
		want  []string
	}{
		{"file alone", nil, "application/json", []string{`{"text":"open door play music 1 2 3.","usage":{"type":"duration","seconds":5}}`}},
		{"model and language", []part{{"model", "", "whisper-1"}, {"language", "", "en"}}, "application/json", []string{`"text":"open door`}},
		{"no ITN", []part{{"itn", "", "false"}}, "application/json", []string{"one two three"}},
		{"text", []part{{"response_format", "", "text"}}, "text/plain; charset=utf-8", []string{"open door play music 1 2 3.\n"}},
		{"srt", []part{{"response_format", "", "srt"}}, "text/plain; charset=utf-8", []string{"1\n00:00:00,", " --> 00:00:04,", "open door"}},
		{"vtt", []part{{"response_format", "", "vtt"}}, "text/plain; charset=utf-8", []string{"WEBVTT\n\n", "00:00:00.", "open door"}},
		{"verbose", []part{{"response_format", "", "verbose_json"}}, "application/json", []string{
			`{"task":"transcribe","language":"english","duration":4.22,"text":"open door play music 1 2 3.","segments":[{"id":0,"seek":0,"start":0,"end":4.22,`,
			`"tokens":[`, `"temperature":0,"avg_logprob":-`, `"compression_ratio":0.`, `"no_speech_prob":0,"words":[]`,
		}},
		{"words", []part{{"response_format", "", "verbose_json"}, {"timestamp_granularities[]", "", "word"}, {"timestamp_granularities[]", "", "segment"}}, "application/json", []string{
			`"words":[{"word":"open","start":`, `"segments":[`,
		}},
		{"logprobs", []part{{"include[]", "", "logprobs"}}, "application/json", []string{`"logprobs":[{"token":"`, `"logprob":-`, `"bytes":[`}},
		{"chunking", []part{{"chunking_strategy", "", `{"type":"server_vad","threshold":0.6,"silence_duration_ms":200,"prefix_padding_ms":300}`}}, "application/json", []string{`"text":"`}},
		{"languages", []part{{"languages[]", "", "en"}}, "application/json", []string{`"text":"open door`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apitest.Post(t, url+path, append(test.parts, clip)...)
			got.Check(t, 200, test.want...)
			if kind := got.Header.Get("Content-Type"); kind != test.kind {
				t.Errorf("Content-Type %q, want %q", kind, test.kind)
			}
			if test.kind == "application/json" && !json.Valid([]byte(got.Body)) {
				t.Errorf("not JSON: %s", got.Body)
			}
		})
	}
	got := apitest.Post(t, url+path, clip, part{"prompt", "", "names"}, part{"temperature", "", "0.5"}, part{"hotwords", "", "a"})
	if ignored := got.Header.Get("X-Ignored-Fields"); ignored != "prompt, temperature, hotwords" {
		t.Errorf("ignored %q", ignored)
	}
}

func TestStream(t *testing.T) {
	url, _ := serve(t, apitest.Options{})
	got := apitest.Post(t, url+path, part{"file", "p.wav", apitest.Clip(t, "phrases.wav")}, part{"stream", "", "true"}, part{"vad", "", "on"}, part{"merge_length_s", "", "0"})
	if got.Status != 200 || got.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
	}
	text, last, deltas := "", "", 0
	lines := bufio.NewScanner(strings.NewReader(got.Body))
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var event struct{ Type, Delta, Text string }
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatal(err)
		}
		last = event.Type
		switch event.Type {
		case "transcript.text.delta":
			text += event.Delta
			deltas++
		case "transcript.text.done":
			if event.Text != text {
				t.Errorf("deltas %q, text %q", text, event.Text)
			}
		}
	}
	if last != "transcript.text.done" || deltas < 2 || text == "" {
		t.Errorf("last %q, %d deltas, text %q", last, deltas, text)
	}
	apitest.Post(t, url+path, part{"file", "p.wav", "junk"}, part{"stream", "", "true"}).Check(t, 400, `{"error":{"message":"cannot read`)
}

// TestContinued checks that what is streamed adds up to the text.
func TestContinued(t *testing.T) {
	for _, test := range []struct{ before, raw, want string }{
		{"", "<|en|>one", "one"},
		{"<|en|>one.", "<|en|>two", " two"},
		{"<|zh|>你好。", "<|zh|>再见", "再见"},
	} {
		if got := continued(test.before, test.raw); got != test.want {
			t.Errorf("continued(%q, %q) = %q, want %q", test.before, test.raw, got, test.want)
		}
	}
}

func TestModels(t *testing.T) {
	url, _ := serve(t, apitest.Options{})
	apitest.Do(t, "GET", url+"/v1/models", nil).Check(t, 200, `{"data":[{"id":"embedded","object":"model","created":`, `"id":"whisper-1"`, `"object":"list"`)
	apitest.Do(t, "GET", url+"/v1/models/iic/SenseVoiceSmall", nil).Check(t, 200, `{"id":"iic/SenseVoiceSmall","object":"model"`)
	apitest.Do(t, "GET", url+"/v1/models/gpt-5", nil).Check(t, 404, `"code":"model_not_found"`)
	apitest.Post(t, url+"/v1/audio/translations", part{"file", "a.wav", "x"}).Check(t, 400, "does not translate")
}

func TestWrongInput(t *testing.T) {
	url, b := serve(t, apitest.Options{Limits: func(l *api.Limits) { l.MaxLength = 3e9 }})
	good := part{"file", "a.wav", apitest.Clip(t, "hello.wav")}
	for _, test := range []struct {
		name   string
		parts  []part
		status int
		param  string
		want   string
	}{
		{"no file", []part{{"model", "", "whisper-1"}}, 422, "file", "Field required"},
		{"two files", []part{good, good}, 422, "file", "one recording"},
		{"model", []part{good, {"model", "", "fun-asr-nano"}}, 400, "model", "is none of embedded, sensevoice"},
		{"unknown field", []part{good, {"respons_format", "", "json"}}, 422, "respons_format", `did you mean "response_format"?`},
		{"language", []part{good, {"language", "", "fr"}}, 422, "language", "unknown language"},
		{"format", []part{good, {"response_format", "", "xml"}}, 422, "response_format", "verbose_json"},
		{"diarized", []part{good, {"response_format", "", "diarized_json"}}, 422, "response_format", "speakers"},
		{"spk", []part{good, {"spk", "", "true"}}, 422, "spk", "speakers"},
		{"temperature", []part{good, {"temperature", "", "2"}}, 422, "temperature", "from 0 to 1"},
		{"granularity", []part{good, {"timestamp_granularities[]", "", "word"}}, 422, "timestamp_granularities[]", "verbose_json"},
		{"include", []part{good, {"include[]", "", "all"}}, 422, "include[]", "logprobs"},
		{"chunking", []part{good, {"chunking_strategy", "", `{"type":"x"}`}}, 422, "chunking_strategy", "server_vad"},
		{"threshold", []part{good, {"chunking_strategy", "", `{"type":"server_vad","threshold":7}`}}, 422, "chunking_strategy", "0 to 1"},
		{"stream", []part{good, {"stream", "", "true"}, {"response_format", "", "srt"}}, 422, "stream", "json or text"},
		{"channels", []part{good, {"channels", "", "each"}}, 422, "channels", "POST /api/v1/asr"},
		{"too long", []part{{"file", "a.wav", apitest.Clip(t, "en.wav")}}, 413, "", "longer than 3 s"},
		{"no sound", []part{{"file", "a.wav", "junk"}}, 400, "", "cannot read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apitest.Post(t, url+path, test.parts...)
			var envelope struct {
				Error struct {
					Message, Type string
					Param, Code   *string
				}
			}
			if err := json.Unmarshal([]byte(got.Body), &envelope); err != nil {
				t.Fatal(err)
			}
			e := envelope.Error
			param := ""
			if e.Param != nil {
				param = *e.Param
			}
			if got.Status != test.status || e.Type != "invalid_request_error" || param != test.param || !strings.Contains(e.Message, test.want) {
				t.Errorf("%d %s, want %d %q %q", got.Status, got.Body, test.status, test.param, test.want)
			}
		})
	}
	if b.Uploads.Used() != 0 || b.Work.Used() != 0 {
		t.Errorf("still taken: %d, %d bytes", b.Uploads.Used(), b.Work.Used())
	}
}
