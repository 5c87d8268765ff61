package socket

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"sensevoice/internal/access"
	"sensevoice/internal/api"
	"sensevoice/internal/limit"
	"sensevoice/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server serves one protocol. When the test ends, so must have all connections.
type server struct {
	*httptest.Server
	backend  *api.Backend
	draining chan struct{}
}

func serve(t *testing.T, o Options, p Protocol) *server {
	t.Helper()
	s := &server{draining: make(chan struct{})}
	s.backend = &api.Backend{
		Keys: new(access.Keys), Rates: limit.NewRates(0, 1), Sockets: new(api.Sockets), Metrics: metrics.New("test", "none", "none"),
		Log: slog.New(slog.DiscardHandler), Draining: s.draining, Uploads: limit.NewBudget(textCost * DefaultOptions().MaxText),
	}
	s.backend.SetLimits(api.Limits{MaxSockets: 2})
	s.Server = httptest.NewServer(s.backend.Handler(api.Route{Pattern: "/", Shape: api.FastAPI, Handle: Handler(s.backend, o, p)}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		s.wait(t)
		if used := s.backend.Uploads.Used(); used != 0 {
			t.Errorf("%d bytes are still taken", used)
		}
	})
	return s
}

// wait returns when no connection is left.
func (s *server) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.backend.Sockets.Wait(ctx); err != nil {
		t.Error("connections do not end:", err)
	}
}

func dial(t *testing.T, s *server, o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), s.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(1 << 20)
	return ws
}

func write(t *testing.T, ws *websocket.Conn, kind websocket.MessageType, data string) {
	t.Helper()
	if err := ws.Write(t.Context(), kind, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	_, data, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// echo tells the length of each message. "bye" ends it.
func echo(ctx context.Context, c *Conn) error {
	length := 0
	for {
		m, err := c.Next(ctx, 0)
		if err != nil {
			return err
		}
		if m.First {
			length = 0
		}
		if length += len(m.Data); !m.Last {
			continue
		}
		if string(m.Data) == "bye" {
			return nil
		}
		if err := c.Send(map[string]any{"length": length, "text": m.Text}); err != nil {
			return err
		}
	}
}

func TestMessages(t *testing.T) {
	s := serve(t, DefaultOptions(), Protocol{Talk: echo})
	ws := dial(t, s, nil)
	for _, size := range []int{0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 5 * pieceBytes, 3 << 20} {
		write(t, ws, websocket.MessageBinary, strings.Repeat("x", size))
		want := `{"length":` + strconv.Itoa(size) + `,"text":false}`
		if got := read(t, ws); got != want {
			t.Errorf("binary of %d: %s", size, got)
		}
	}
	write(t, ws, websocket.MessageText, strings.Repeat("x", 100000))
	if got := read(t, ws); got != `{"length":100000,"text":true}` {
		t.Error(got)
	}
	write(t, ws, websocket.MessageText, "bye")
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Error(err)
	}
	if n := s.backend.Sockets.Messages.Load(); n != 9 {
		t.Errorf("%d messages counted", n)
	}
}

// TestHowItEnds checks status and reason for everything that Talk may return.
func TestHowItEnds(t *testing.T) {
	for name, test := range map[string]struct {
		talk   func(context.Context, *Conn) error
		status websocket.StatusCode
		reason string
	}{
		"done":    {func(context.Context, *Conn) error { return nil }, websocket.StatusNormalClosure, ""},
		"closing": {func(context.Context, *Conn) error { return &Closing{4000, "because"} }, 4000, "because"},
		"failed":  {func(context.Context, *Conn) error { return errors.New("secret") }, websocket.StatusInternalError, "internal error"},
		"panic":   {func(context.Context, *Conn) error { panic("secret") }, websocket.StatusInternalError, "internal error"},
		"drained": {func(context.Context, *Conn) error { return ErrDraining }, websocket.StatusGoingAway, "shutting down"},
	} {
		ws := dial(t, serve(t, DefaultOptions(), Protocol{Talk: test.talk}), nil)
		_, _, err := ws.Read(t.Context())
		if websocket.CloseStatus(err) != test.status || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBusyWorker sends far more than the buffer takes while the worker does nothing. Pings go on, urgent messages from before are
// answered, the client is kept although its pongs are not seen, and in the end all has arrived.
func TestBusyWorker(t *testing.T) {
	o := DefaultOptions()
	o.Buffer, o.PingInterval, o.PongTimeout, o.IdleTimeout = 10000, time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	work := make(chan struct{})
	s := serve(t, o, Protocol{
		Talk: func(ctx context.Context, c *Conn) error {
			if _, err := c.Next(ctx, 0); err != nil {
				return err
			}
			<-work
			return echo(ctx, c)
		},
		Urgent: func(c *Conn, text []byte) bool {
			return string(text) == "urgent" && c.Send("at once") == nil
		},
	})
	pings := make(chan struct{}, 1000)
	ws := dial(t, s, &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		select {
		case pings <- struct{}{}:
		default:
		}
		return false // its answer would have to wait until all has been sent
	}})
	write(t, ws, websocket.MessageBinary, "begin")
	write(t, ws, websocket.MessageBinary, strings.Repeat("x", 5000))
	write(t, ws, websocket.MessageText, "urgent")
	if got := read(t, ws); got != `"at once"` {
		t.Error(got)
	}
	const messages = 2000
	sent := make(chan error, 1)
	go func() {
		for range messages {
			if err := ws.Write(context.Background(), websocket.MessageBinary, bytes.Repeat([]byte("x"), 10000)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	answers := make(chan int, 1)
	go func() {
		n := 0
		for {
			if _, _, err := ws.Read(context.Background()); err != nil {
				answers <- n
				return
			}
			if n++; n == messages+1 {
				answers <- n
				return
			}
		}
	}()
	for range 4 { // by the second, the first was not answered in time
		<-pings
	}
	close(work)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if n := <-answers; n != messages+1 {
		t.Errorf("%d answers, want %d", n, messages+1)
	}
	ws.CloseNow()
}

// TestDraining lets the worker take what has arrived before it is told.
func TestDraining(t *testing.T) {
	begin := make(chan struct{})
	s := serve(t, DefaultOptions(), Protocol{Talk: func(ctx context.Context, c *Conn) error {
		<-begin
		return echo(ctx, c)
	}, Urgent: func(c *Conn, text []byte) bool { return string(text) == "?" && c.Send("!") == nil }})
	ws := dial(t, s, nil)
	for range 3 {
		write(t, ws, websocket.MessageText, "before")
	}
	write(t, ws, websocket.MessageText, "?")
	read(t, ws)
	close(s.draining)
	write(t, ws, websocket.MessageText, "after")
	write(t, ws, websocket.MessageText, "?")
	read(t, ws)
	close(begin)
	for range 3 {
		if got := read(t, ws); got != `{"length":6,"text":true}` {
			t.Error(got)
		}
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Error(err)
	}
}

func TestPatience(t *testing.T) {
	s := serve(t, DefaultOptions(), Protocol{Talk: func(ctx context.Context, c *Conn) error {
		for range 3 {
			if _, err := c.Next(ctx, time.Nanosecond); !errors.Is(err, ErrQuiet) {
				return err
			}
		}
		return &Closing{4001, "quiet three times"}
	}})
	_, _, err := dial(t, s, nil).Read(t.Context())
	if websocket.CloseStatus(err) != 4001 {
		t.Error(err)
	}
}
