package wsasr

import (
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"sensevoice/internal/api/speech"
	"sensevoice/internal/transcript"
)

// What the server says, in the words that clients of the original may look for.
const (
	textConnected     = "WebSocket连接已建立"
	textConfigured    = "配置已更新"
	textCleared       = "音频缓冲区和ASR缓存已清空"
	textEnded         = "识别完成"
	textBadMessage    = "消息格式错误"
	textUnknownType   = "未知的消息类型: "
	textBadLanguage   = "不支持的语言: "
	textChunkRange    = "chunk_duration必须在0-10秒之间"
	textChunkNumber   = "chunk_duration必须是数字"
	textBadSetting    = "配置错误: "
	textEmptySound    = "音频数据为空"
	textUndecodable   = "WebM音频解码失败"
	textNotRecognized = "音频识别失败"
)

type connected struct {
	Type     string `json:"type"`
	Status   string `json:"status"`
	ClientID string `json:"client_id"`
	Message  string `json:"message"`
}

func newConnected() connected {
	return connected{"connection", "connected", uuid.NewString(), textConnected}
}

type configured struct {
	Type    string          `json:"type"`
	Status  string          `json:"status"`
	Config  json.RawMessage `json:"config"` // as it was sent
	Message string          `json:"message"`
}

type pong struct {
	Type      string  `json:"type"`
	Timestamp float64 `json:"timestamp"`
	Message   string  `json:"message"`
}

func newPong() pong { return pong{"pong", now(), "pong"} }

type notice struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// failure is an error that the client is told of. The connection stays open.
type failure struct {
	Type      string  `json:"type"`
	Status    string  `json:"status"`
	Message   string  `json:"message"`
	Detail    string  `json:"detail,omitempty"` // where, why, and what to do about it
	Timestamp float64 `json:"timestamp"`
}

// ended acknowledges that all sound has been answered.
type ended struct {
	Type      string             `json:"type"`
	Status    string             `json:"status"`
	Message   string             `json:"message"`
	Segments  int                `json:"segments"` // final results since the beginning
	Duration  transcript.Seconds `json:"duration"` // of the sound
	Timestamp float64            `json:"timestamp"`
}

// result is the text of a segment, or of what has come of it.
type result struct {
	Type       string             `json:"type"`
	Status     string             `json:"status"`
	Text       string             `json:"text"`
	RawText    string             `json:"raw_text"`
	CleanText  string             `json:"clean_text"`
	Confidence float64            `json:"confidence"`
	ModelType  string             `json:"model_type"`
	IsFinal    bool               `json:"is_final"`
	Language   string             `json:"language"`
	Timestamp  float64            `json:"timestamp"`
	Start      transcript.Seconds `json:"segment_start_time"`
	End        transcript.Seconds `json:"segment_end_time"`
	Duration   transcript.Seconds `json:"segment_duration"`

	SegmentID int    `json:"segment_id"` // counts from 0; partial results have that of their final one
	Emotion   string `json:"emotion"`
	Event     string `json:"event"`
	LagMS     int64  `json:"lag_ms"` // since the sound that brought the result had arrived
}

func newResult(s *transcript.Segment, id int, final bool, lag time.Duration) result {
	return result{
		Type: "result", Status: "success",
		Text: s.Text, RawText: s.RawText, CleanText: transcript.Clean(s.RawText),
		Confidence: math.Round(speech.Confidence(s)*1e4) / 1e4, ModelType: "SenseVoice", IsFinal: final,
		Language: s.Language, Timestamp: now(), Start: s.Start, End: s.End, Duration: s.End - s.Start,
		SegmentID: id, Emotion: s.Emotion, Event: s.Event, LagMS: lag.Milliseconds(),
	}
}

// request is what a client's text message says.
type request struct {
	Type   any             `json:"type"`
	Config json.RawMessage `json:"config"`
	Data   string          `json:"data"`
	Format any             `json:"format"` // mostly "webm"; heeded where it says that data has no header
}

// kind returns the type as text; a message without one is "unknown".
func (r *request) kind() string {
	switch t := r.Type.(type) {
	case nil:
		return "unknown"
	case string:
		return t
	}
	text, err := json.Marshal(r.Type)
	if err != nil {
		return "unknown"
	}
	return string(text)
}
