package wsasr

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
	"sensevoice/internal/api/socket"
	"sensevoice/internal/api/sockettest"
	"sensevoice/internal/api/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, change ...func(*socket.Options)) *sockettest.Server {
	t.Helper()
	o := socket.DefaultOptions()
	for _, c := range change {
		c(&o)
	}
	return sockettest.New(t, func(b *api.Backend) []api.Route { return Routes(b, o, new(speech.Pacer)) })
}

// client is the other end of a connection.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial connects and takes the greeting.
func dial(t *testing.T, s *sockettest.Server) *client {
	t.Helper()
	ws, answer, err := websocket.Dial(t.Context(), s.Address("/ws/asr"), nil)
	if err != nil {
		t.Fatal(err, answer)
	}
	c := &client{t, ws}
	t.Cleanup(func() { ws.CloseNow() })
	hello := c.receive("connection")
	if hello["status"] != "connected" || len(hello["client_id"].(string)) != 36 || hello["message"] != "WebSocket连接已建立" {
		t.Errorf("greeting %v", hello)
	}
	return c
}

func (c *client) text(message string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) binary(data []byte) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageBinary, data); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (map[string]any, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(data, &m)
}

// receive takes the next message, which must be of a type.
func (c *client) receive(kind string) map[string]any {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", kind, err)
	}
	if m["type"] != kind {
		c.t.Fatalf("got %v, want a message of type %s", m, kind)
	}
	return m
}

// results takes final results up to the acknowledgement.
func (c *client) results() (finals []map[string]any, ended map[string]any) {
	c.t.Helper()
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatal(err)
		}
		switch {
		case m["type"] == "ended":
			return finals, m
		case m["type"] != "result":
			c.t.Fatalf("got %v", m)
		case m["is_final"] == true:
			finals = append(finals, m)
		}
	}
}

// said joins the texts of results, without spaces, for clips have pauses that may or may not end a segment.
func said(finals []map[string]any) string {
	var all []string
	for _, f := range finals {
		all = append(all, f["clean_text"].(string))
	}
	return squeeze(strings.Join(all, ""))
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestMessages(t *testing.T) {
	c := dial(t, serve(t))
	for _, test := range []struct{ send, kind, key, want string }{
		{`{"type":"config","config":{"language":"zh","chunk_duration":3.0,"use_vad":true,"encoding":"base64"}}`, "config_updated", "message", "配置已更新"},
		{`{"type":"config"}`, "config_updated", "status", "success"},
		{`{"type":"config","config":{"language":"xx"}}`, "error", "message", "不支持的语言: xx"},
		{`{"type":"config","config":{"language":7}}`, "error", "message", "不支持的语言: 7"},
		{`{"type":"config","config":{"language":"zn"}}`, "error", "message", "不支持的语言: zn"},
		{`{"type":"config","config":{"chunk_duration":0}}`, "error", "message", "chunk_duration必须在0-10秒之间"},
		{`{"type":"config","config":{"chunk_duration":10.5}}`, "error", "message", "chunk_duration必须在0-10秒之间"},
		{`{"type":"config","config":{"chunk_duration":"x"}}`, "error", "message", "chunk_duration必须是数字"},
		{`{"type":"config","config":{"chunk_duration":[]}}`, "error", "message", "chunk_duration必须是数字"},
		{`{"type":"config","config":{"chunk_duration":"NaN"}}`, "error", "message", "chunk_duration必须是数字"},
		{`{"type":"config","config":{"chunk_duration":"2.5"}}`, "config_updated", "status", "success"},
		{`{"type":"config","config":{"use_vad":false}}`, "config_updated", "status", "success"},
		{`{"type":"config","config":{"use_vad":3}}`, "error", "message", "消息格式错误"},
		{`{"type":"config","config":[]}`, "error", "message", "消息格式错误"},
		{`{"type":"config","config":{"encoding":"mp3"}}`, "error", "status", "error"},
		{`{"type":"config","config":{"sample_rate":1}}`, "error", "status", "error"},
		{`{"type":"config","config":{"max_end_silence_time":-1}}`, "error", "status", "error"},
		{`{"type":"ping"}`, "pong", "message", "pong"},
		{`{"type":"ping","padding":"` + strings.Repeat("x", 1000) + `"}`, "pong", "message", "pong"},
		{`{"type":"clear"}`, "cleared", "message", "音频缓冲区和ASR缓存已清空"},
		{`{"type":"audio","data":"","format":"webm"}`, "error", "message", "音频数据为空"},
		{`{"type":"audio"}`, "error", "message", "音频数据为空"},
		{`{"type":"audio","data":"AAAA","format":"webm"}`, "error", "message", "WebM音频解码失败"},
		{`{"type":"audio","data":"%%%","format":"webm"}`, "error", "message", "WebM音频解码失败"},
		{`{"type":"audio","data":5}`, "error", "message", "消息格式错误"},
		{`{"type":"dance"}`, "error", "message", "未知的消息类型: dance"},
		{`{"type":5}`, "error", "message", "未知的消息类型: 5"},
		{`{}`, "error", "message", "未知的消息类型: unknown"},
		{`[1,2]`, "error", "message", "消息格式错误"},
		{`{"type":`, "error", "message", "消息格式错误"},
		{"{\"type\":\"\xff\xfe\"}", "error", "message", "消息格式错误"},
		{``, "error", "message", "消息格式错误"},
		{`{"type":"end"}`, "ended", "status", "success"},
	} {
		c.text(test.send)
		got := c.receive(test.kind)
		if got[test.key] != test.want {
			t.Errorf("%s: got %v, want %s %q", test.send, got, test.key, test.want)
		}
		if test.kind == "error" && (got["status"] != "error" || got["timestamp"].(float64) < 1.7e9) {
			t.Errorf("%s: got %v", test.send, got)
		}
	}
}

func TestConfigIsEchoed(t *testing.T) {
	c := dial(t, serve(t))
	c.text(`{"type":"config","config":{"language":"en","mystery":{"a":[1,2]}}}`)
	got, err := json.Marshal(c.receive("config_updated")["config"])
	if err != nil || string(got) != `{"language":"en","mystery":{"a":[1,2]}}` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestSegmentsEndByThemselves waits for the results of speech that is followed by silence, without saying that it has ended. Of the
// silence there is half a second, 400 ms of them in the recording.
func TestSegmentsEndByThemselves(t *testing.T) {
	c := dial(t, serve(t, func(o *socket.Options) { o.QuietTimeout = 0 }))
	clip := sockettest.Clips(t)[0]
	c.text(`{"type":"config","config":{"partial_results":false}}`)
	c.receive("config_updated")
	c.binary(sockettest.PCM16(clip.Samples, 0.1))
	var finals []map[string]any
	for said(finals) != squeeze(clip.Text) {
		finals = append(finals, c.receive("result"))
	}
	c.text(`{"type":"end"}`)
	if more, _ := c.results(); len(more) != 0 {
		t.Errorf("more came: %v", more)
	}
}

// TestQuietClient gets its last words although it neither says end nor sends silence, as clients of the original do.
func TestQuietClient(t *testing.T) {
	c := dial(t, serve(t, func(o *socket.Options) { o.QuietTimeout = 100 * time.Millisecond }))
	clip := sockettest.Clips(t)[0]
	data := sockettest.PCM16(clip.Samples, 0)
	for len(data) > 0 {
		n := min(3200, len(data))
		c.binary(data[:n])
		data = data[n:]
	}
	var finals []map[string]any
	for said(finals) != squeeze(clip.Text) {
		if m := c.receive("result"); m["is_final"] == true {
			finals = append(finals, m)
		}
	}
}

// TestClear forgets what was said, and goes on.
func TestClear(t *testing.T) {
	c := dial(t, serve(t))
	list := sockettest.Clips(t)
	c.text(`{"type":"config","config":{"partial_results":false}}`)
	c.receive("config_updated")
	c.binary(sockettest.PCM16(list[2].Samples[:16000], 0))
	c.text(`{"type":"clear"}`)
	c.receive("cleared")
	c.binary(sockettest.PCM16(list[0].Samples, 0))
	c.text(`{"type":"end"}`)
	finals, _ := c.results()
	if got := said(finals); got != squeeze(list[0].Text) {
		t.Errorf("%q, want %q", got, list[0].Text)
	}
	if start := finals[0]["segment_start_time"].(float64); start < 1 {
		t.Errorf("the clock was set back to %v", start)
	}
}

// TestDraining flushes, acknowledges and closes with a reason, and lets nobody else in.
func TestDraining(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	clip := sockettest.Clips(t)[0]
	c.binary(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"type":"ping"}`) // answered when all before has been read
	var finals []map[string]any
	for waiting := true; waiting; {
		m, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		waiting = m["type"] != "pong"
	}
	s.Drain()
	more, _ := c.results()
	if got := said(append(finals, more...)); got != squeeze(clip.Text) {
		t.Errorf("%q, want %q", got, clip.Text)
	}
	_, err := c.read()
	if websocket.CloseStatus(err) != websocket.StatusGoingAway || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("closed with %v", err)
	}
	_, answer, err := websocket.Dial(t.Context(), s.Address("/ws/asr"), nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v, %v", answer, err)
	}
}

// TestMetrics: the sound of a stream counts like that of a recording, and so does the work on it.
func TestMetrics(t *testing.T) {
	s := serve(t)
	c := dial(t, s)
	clip := sockettest.Clips(t)[0]
	c.text(`{"type":"config","config":{"partial_results":false}}`)
	c.receive("config_updated")
	c.binary(sockettest.PCM16(clip.Samples, 0))
	c.text(`{"type":"end"}`)
	finals, _ := c.results()
	page := apitest.Metrics(s.Backend.Backend)
	for _, want := range []string{
		fmt.Sprintf("sensevoice_audio_seconds_total %g\n", float64(len(clip.Samples))/16000),
		`sensevoice_stage_seconds_count{stage="vad"} 1`, `sensevoice_stage_seconds_count{stage="encode"} 1`,
		`sensevoice_stage_seconds_count{stage="queue"} 1`, "sensevoice_real_time_factor_count 1",
	} {
		if len(finals) == 0 || !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
}
