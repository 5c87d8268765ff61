package asr

import (
	"encoding/json"
	"strings"
	"testing"

	"sensevoice/internal/api/apitest"
)

// sideBySide puts recordings into the channels of one, as samples without a header.
func sideBySide(t *testing.T, names ...string) (sound string) {
	t.Helper()
	const header = 44
	var clips []string
	length := 0
	for _, name := range names {
		clips = append(clips, apitest.Clip(t, name)[header:])
		length = max(length, len(clips[len(clips)-1]))
	}
	var out strings.Builder
	for at := 0; at < length; at += 2 {
		for _, c := range clips {
			if at+2 <= len(c) {
				out.WriteString(c[at : at+2])
			} else {
				out.WriteString("\x00\x00")
			}
		}
	}
	return out.String()
}

// TestChannels has another speaker on each side.
func TestChannels(t *testing.T) {
	url, b := serve(t, apitest.Options{})
	stereo := []part{{"files", "call.pcm", sideBySide(t, "hello.wav", "digits.wav")}, {"raw", "", "s16le:16000:2"}}
	const left, right = "hello good morning thanks", "zero one two three four five six seven eight nine"
	got := apitest.Post(t, url, append(stereo, part{"channels", "", "each"})...)
	got.Check(t, 200)
	var reply Reply
	if err := json.Unmarshal([]byte(got.Body), &reply); err != nil {
		t.Fatal(err)
	}
	if len(reply.Result) != 2 {
		t.Fatal(got.Body)
	}
	for i, want := range []string{left, right} {
		item := reply.Result[i]
		if item.Key != "call.pcm" || item.Channel != i+1 || item.CleanText != want || len(item.Segments) == 0 || item.Duration < 6 {
			t.Errorf("%+v, want channel %d, %q", item, i+1, want)
		}
	}
	apitest.Post(t, url, append(stereo, part{"channels", "", "each"}, part{"format", "", "text"})...).Check(t, 200, "1: "+left+"\n2: "+right+"\n")
	for side, want := range map[string]string{"left": left, "right": right} {
		got := apitest.Post(t, url, append(stereo, part{"channels", "", side})...)
		if got.Check(t, 200, want); strings.Contains(got.Body, `"channel"`) {
			t.Errorf("a channel is named where there is one text: %s", got.Body)
		}
	}
	mono := apitest.Post(t, url, part{"files", "a.wav", apitest.Clip(t, "hello.wav")}, part{"channels", "", "each"})
	mono.Check(t, 200, left, `"channel":1}`)
	if page := apitest.Metrics(b.Backend); !strings.Contains(page, "sensevoice_stage_seconds_count{stage=\"queue\"} 5\n") {
		t.Errorf("a recording is counted for each channel")
	}
}

func TestWrongChannels(t *testing.T) {
	url, b := serve(t, apitest.Options{})
	good := part{"files", "a.wav", apitest.Clip(t, "hello.wav")}
	apitest.Post(t, url, good, part{"channels", "", "both"}).Check(t, 422, `["body","channels"]`, "mix, left, right, each")
	apitest.Post(t, url, good, part{"channels", "", "each"}, part{"format", "", "srt"}).Check(t, 422, `["body","channels"]`, "take json or text")

	many := []part{{"files", "a.pcm", strings.Repeat("\x00", 64*64000)}, {"raw", "", "s16le:16000:64"}, {"channels", "", "each"}}
	apitest.Post(t, url, many...).Check(t, 413, "no memory for 64 channels", "channels=mix")
	eight := []part{{"files", "a.pcm", strings.Repeat("\x00", 8*64000)}, {"raw", "", "s16le:16000:8"}, {"channels", "", "each"}}
	taken := b.Work.Size() - 32<<20
	if !b.Work.TryAcquire(taken) {
		t.Fatal("something is taken")
	}
	apitest.Post(t, url, eight...).Check(t, 429, "try again later")
	b.Work.Release(taken)
	apitest.Post(t, url, eight...).Check(t, 200)
	if used := b.Work.Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}
