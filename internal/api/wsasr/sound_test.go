package wsasr

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sensevoice/internal/api"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/sockettest"
	"sensevoice/internal/api/speech"
)

func TestSamples(t *testing.T) {
	c := dial(t, serve(t))
	for i, clip := range sockettest.Clips(t) {
		data := sockettest.PCM16(clip.Samples, 0)
		for frame := 1 + 2*i; len(data) > 0; frame = frame*7%4099 + 1 {
			n := min(frame, len(data))
			c.binary(data[:n])
			data = data[n:]
		}
		c.text(`{"type":"end"}`)
		finals, ended := c.results()
		if got := said(finals); got != squeeze(clip.Text) {
			t.Errorf("%s: %q, want %q", clip.File, got, clip.Text)
		}
		if n := ended["segments"].(float64); int(n) != len(finals) {
			t.Errorf("%s: %v segments acknowledged, %d came", clip.File, n, len(finals))
		}
		check(t, clip, finals)
	}
}

func check(t *testing.T, clip sockettest.Clip, finals []map[string]any) {
	t.Helper()
	last := 0.0
	for i, f := range finals {
		start, end := f["segment_start_time"].(float64), f["segment_end_time"].(float64)
		length := float64(len(clip.Samples)) / 16000
		duration := f["segment_duration"].(float64)
		if !(start >= last && end > start && end <= length+0.01 && duration-(end-start) < 0.002 && end-start-duration < 0.002) {
			t.Errorf("%s: segment %d from %v to %v, %v long, in a clip of %v", clip.File, i, start, end, duration, length)
		}
		last = end
		confidence := f["confidence"].(float64)
		if len(finals) == 1 && f["language"] != clip.Language || !(confidence > 0.3 && confidence <= 1) || f["model_type"] != "SenseVoice" ||
			f["status"] != "success" || int(f["segment_id"].(float64)) != i {
			t.Errorf("%s: %v", clip.File, f)
		}
		if !(f["lag_ms"].(float64) >= 0 && f["lag_ms"].(float64) < 60000) {
			t.Errorf("%s: lag_ms %v", clip.File, f["lag_ms"])
		}
		if raw := f["raw_text"].(string); !strings.HasPrefix(raw, "<|"+f["language"].(string)+"|>") {
			t.Errorf("%s: raw text %q", clip.File, raw)
		}
	}
}

func TestITNAndBase64Samples(t *testing.T) {
	c := dial(t, serve(t))
	clip := sockettest.Clips(t)[1]
	c.text(`{"type":"config","config":{"use_itn":true,"language":"en"}}`)
	c.receive("config_updated")
	data := base64.StdEncoding.EncodeToString(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"type":"audio","format":"pcm16","data":"` + data + `"}`)
	c.text(`{"type":"end"}`)
	finals, _ := c.results()
	if got := said(finals); got != squeeze(clip.ITN) {
		t.Errorf("%q, want %q", got, clip.ITN)
	}
}

// TestServersITN is what counts for clients that configure nothing.
func TestServersITN(t *testing.T) {
	c := dial(t, sockettest.New(t, func(b *api.Backend) []api.Route {
		b.ITN = true
		return Routes(b, socket.DefaultOptions(), new(speech.Pacer))
	}))
	clip := sockettest.Clips(t)[1]
	c.binary(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"type":"end"}`)
	finals, _ := c.results()
	if len(finals) == 0 || squeeze(finals[0]["text"].(string)) != squeeze(clip.ITN) {
		t.Errorf("%v, want %q", finals, clip.ITN)
	}
}

func TestFiles(t *testing.T) {
	c := dial(t, serve(t))
	clip := sockettest.Clips(t)[0]
	data, err := os.ReadFile(clip.Path())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.text(`{"type":"audio","data":"data:audio/wav;base64,` + base64.StdEncoding.EncodeToString(data) + `"}`)
	}
	c.binary(data)
	c.text(`{"type":"end"}`)
	finals, ended := c.results()
	if got, want := said(finals), strings.Repeat(squeeze(clip.Text), 3); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := ended["duration"].(float64), 3*float64(len(clip.Samples))/16000; !(got > want-0.01 && got < want+0.01) {
		t.Errorf("%v s of sound, want %v", got, want)
	}
}

func webm(t *testing.T, clip sockettest.Clip, live bool) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: the browser's WebM cannot be made")
	}
	args := []string{"-v", "error", "-i", clip.Path(), "-c:a", "libopus", "-b:a", "64k", "-f", "webm"}
	if live {
		args = append(args, "-live", "1", "-cluster_time_limit", "200")
	}
	var out, problems bytes.Buffer
	encode := exec.Command("ffmpeg", append(args, "-")...)
	encode.Stdout, encode.Stderr = &out, &problems
	if err := encode.Run(); err != nil {
		t.Fatal(err, problems.String())
	}
	return out.Bytes()
}

func TestWebM(t *testing.T) {
	s := serve(t)
	clip := sockettest.Clips(t)[0]
	for _, live := range []bool{false, true} {
		data := webm(t, clip, live)
		for _, size := range []int{len(data), 5000, 700} {
			if size < len(data) && !live {
				continue
			}
			for _, asText := range []bool{true, false} {
				t.Run(fmt.Sprintf("live=%v/size=%d/text=%v", live, size, asText), func(t *testing.T) {
					c := dial(t, s)
					for range 2 {
						for rest := data; len(rest) > 0; {
							n := min(size, len(rest))
							if asText {
								c.text(`{"type":"audio","format":"webm","data":"` + base64.StdEncoding.EncodeToString(rest[:n]) + `"}`)
							} else {
								c.binary(rest[:n])
							}
							rest = rest[n:]
						}
					}
					c.text(`{"type":"end"}`)
					finals, _ := c.results()
					if got, want := said(finals), strings.Repeat(squeeze(clip.Text), 2); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				})
			}
		}
	}
}
