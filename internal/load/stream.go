package load

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"sensevoice/internal/audio"
)

// wire is how a WebSocket protocol is spoken.
type wire struct {
	path    string
	options func(*Scenario) string // the message before a recording, "" for none
	end     string                 // the message after it
	frame   time.Duration          // of sound in a message
	pause   time.Duration          // that ends a segment, unless the server is told otherwise
	read    func([]byte) (heard, error)
}

// heard is what a message of the server says.
type heard struct {
	text  string
	end   float64 // of the segment, in seconds
	final bool    // text is that of a segment
	last  bool    // nothing more comes of this recording
}

var wires = map[string]*wire{
	"ws": {path: "/ws/asr", options: configWS, end: `{"type":"end"}`, frame: 100 * time.Millisecond, pause: 350 * time.Millisecond, read: readWS},
	"funasr": {
		path: "/", options: configFunASR, end: `{"is_speaking":false,"is_end":true}`, frame: 60 * time.Millisecond, pause: 800 * time.Millisecond, read: readFunASR,
	},
}

// streams returns the wire of a protocol of streams, nil for others.
func (s *Scenario) streams() *wire { return wires[s.Protocol] }

func configWS(s *Scenario) string {
	if s.Language == "" {
		return ""
	}
	return fmt.Sprintf(`{"type":"config","config":{"language":%q}}`, s.Language)
}

func configFunASR(s *Scenario) string {
	language := s.Language
	if language == "" {
		language = "auto"
	}
	return fmt.Sprintf(`{"mode":"2pass","wav_name":"load","is_speaking":true,"itn":false,"svs_lang":%q,"chunk_size":[5,10,5]}`, language)
}

func readWS(data []byte) (heard, error) {
	var m struct {
		Type    string
		Final   bool    `json:"is_final"`
		Text    string  `json:"clean_text"`
		End     float64 `json:"segment_end_time"`
		Message string
		Detail  string
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return heard{}, err
	}
	if m.Type == "error" {
		return heard{}, fmt.Errorf("%s (%s)", m.Message, m.Detail)
	}
	return heard{m.Text, m.End, m.Type == "result" && m.Final, m.Type == "ended"}, nil
}

func readFunASR(data []byte) (heard, error) {
	var m struct {
		Mode  string
		Text  string
		End   float64 `json:"end_time"`
		IsEnd bool    `json:"is_end"`
		Error string
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return heard{}, err
	}
	if m.Error != "" {
		return heard{}, errors.New(m.Error)
	}
	return heard{m.Text, m.End / 1000, m.Mode == "2pass-offline" && m.Text != "", m.IsEnd}, nil
}

// streamer is a client that keeps one connection, until it breaks.
type streamer struct {
	*run
	wire *wire
	ws   *websocket.Conn
}

func newStreamer(r *run) exchange { return &streamer{run: r, wire: r.streams()} }

func (s *streamer) close() {
	if s.ws != nil {
		_ = s.ws.Close(websocket.StatusNormalClosure, "") // the measurement is over; a server that is slow to say goodbye is no error
		s.ws = nil
	}
}

func (s *streamer) connect(ctx context.Context) error {
	header := http.Header{}
	if s.Key != "" {
		header.Set("Authorization", "Bearer "+s.Key)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: s.Insecure}}}
	address := "ws" + strings.TrimPrefix(strings.TrimSuffix(s.URL, "/"), "http") + s.wire.path
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header, Subprotocols: []string{"binary"}})
	if err != nil && answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
		return &refusedError{answer.StatusCode}
	}
	if err != nil {
		return err
	}
	const maxMessage = 16 << 20
	ws.SetReadLimit(maxMessage)
	s.ws = ws
	return nil
}

// refusedError is a server that does not want the connection.
type refusedError struct{ status int }

func (e *refusedError) Error() string {
	return fmt.Sprintf("refused with %d %s", e.status, http.StatusText(e.status))
}

// idle keeps a connection without a word.
func (s *streamer) idle(ctx context.Context) outcome {
	if err := s.connect(ctx); err != nil {
		return s.broken(err)
	}
	for {
		_, _, err := s.ws.Read(ctx)
		if ctx.Err() != nil {
			return outcome{}
		}
		if err != nil {
			return s.broken(err)
		}
	}
}

// broken names an error, and gives the connection up.
func (s *streamer) broken(err error) outcome {
	if s.ws != nil {
		_ = s.ws.CloseNow()
		s.ws = nil
	}
	var refused *refusedError
	kind := kindOf(err)
	switch status := websocket.CloseStatus(err); {
	case errors.As(err, &refused):
		kind = fmt.Sprint(refused.status)
	case errors.Is(err, errEndedEarly):
		kind = "ended early"
	case status != -1:
		kind = fmt.Sprintf("closed %d", status)
	}
	return outcome{err: err, kind: kind}
}

// errEndedEarly is a server that says goodbye before it has heard all.
var errEndedEarly = errors.New("the server ended the stream before the client did")

// arrival is a message, and when it came.
type arrival struct {
	heard
	at  time.Time
	err error
}

func (s *streamer) one(ctx context.Context, c *Clip, scheduled time.Time) outcome {
	if s.ws == nil {
		if err := s.connect(ctx); err != nil {
			return s.broken(err)
		}
	}
	length := c.Duration + s.Silence
	patience := s.Timeout
	if s.Pace > 0 {
		patience += time.Duration(float64(length) / s.Pace)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results := make(chan []arrival, 1)
	go func() { results <- s.listen(ctx) }()
	start, told, err := s.send(ctx, c)
	arrivals := <-results // ends when the connection does, whoever notices first
	switch last := arrivals[len(arrivals)-1]; {
	case last.err != nil:
		err = last.err // says more than that sending failed
	case err == nil && last.at.Before(told):
		err = errEndedEarly
	}
	if err != nil {
		return s.broken(err)
	}
	o := outcome{took: time.Since(scheduled)}
	for _, a := range arrivals {
		if !a.final {
			continue
		}
		o.text += a.text
		if s.Pace > 0 {
			o.waits = append(o.waits, s.wait(a, start, told))
		}
	}
	return o
}

// Where voice detection at its defaults finds the end of a segment: that long after the last frame of speech; and, once the pause has
// lasted, that long before the pause would have counted in full, since part of it is in the window that noticed it.
const (
	endAfterSpeech  = 120 * time.Millisecond
	foundBeforeWait = 220 * time.Millisecond
)

// wait measures a result against the speech. The server cannot know of the pause before the message in which it becomes long
// enough has been sent.
func (s *streamer) wait(a arrival, start, told time.Time) wait {
	paced := func(stream time.Duration) time.Time { return start.Add(time.Duration(float64(stream) / s.Pace)) }
	end := time.Duration(a.end * float64(time.Second))
	pause := s.Wait
	if pause == 0 {
		pause = s.wire.pause
	}
	found := end + pause - foundBeforeWait
	known := paced((found + s.wire.frame - 1) / s.wire.frame * s.wire.frame)
	if told.Before(known) {
		known = told
	}
	return wait{speech: a.at.Sub(paced(end - endAfterSpeech)), known: a.at.Sub(known)}
}

// listen takes messages up to the last of a recording.
func (s *streamer) listen(ctx context.Context) []arrival {
	var all []arrival
	for {
		_, data, err := s.ws.Read(ctx)
		a := arrival{at: time.Now(), err: err}
		if err == nil {
			a.heard, a.err = s.wire.read(data)
		}
		if all = append(all, a); a.err != nil || a.last {
			return all
		}
	}
}

// send says a recording at the pace of speech: sound is sent when it has been spoken. It returns when it began, and when it told
// that the recording had ended.
func (s *streamer) send(ctx context.Context, c *Clip) (start, told time.Time, err error) {
	if hello := s.wire.options(s.Scenario); hello != "" {
		if err := s.ws.Write(ctx, websocket.MessageText, []byte(hello)); err != nil {
			return start, told, err
		}
	}
	silence := make([]byte, 2*int(s.Silence.Seconds()*audio.SampleRate))
	size := 2 * int(s.wire.frame.Seconds()*audio.SampleRate)
	start = time.Now()
	sent := 0
	for _, part := range [][]byte{c.Samples, silence} {
		for len(part) > 0 {
			n := min(size, len(part))
			sent += n
			if s.Pace > 0 {
				spoken := float64(sent) / 2 / audio.SampleRate / s.Pace
				sleep(ctx, time.Until(start.Add(time.Duration(spoken*float64(time.Second)))))
			}
			if err := s.ws.Write(ctx, websocket.MessageBinary, part[:n]); err != nil {
				return start, told, err
			}
			part = part[n:]
		}
	}
	told = time.Now()
	return start, told, s.ws.Write(ctx, websocket.MessageText, []byte(s.wire.end))
}
