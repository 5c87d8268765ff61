package socket

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestLargeTextsWait(t *testing.T) {
	work := make(chan struct{})
	s := serve(t, DefaultOptions(), Protocol{Talk: func(ctx context.Context, c *Conn) error {
		<-work
		return echo(ctx, c)
	}})
	first, second := dial(t, s, nil), dial(t, s, nil)
	large := strings.Repeat("x", int(DefaultOptions().MaxText))
	sent := make(chan error, 2)
	for _, ws := range []*websocket.Conn{first, second} {
		go func() { sent <- ws.Write(t.Context(), websocket.MessageText, []byte(large)) }()
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	close(work)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	for _, ws := range []*websocket.Conn{first, second} {
		if got := read(t, ws); got != `{"length":8388608,"text":true}` {
			t.Error(got)
		}
		write(t, ws, websocket.MessageText, large[:1<<20])
	}
	first.CloseNow() // with what it has sent still there
}

func TestTooLargeText(t *testing.T) {
	o := DefaultOptions()
	o.MaxText = 20000
	ws := dial(t, serve(t, o, Protocol{Talk: echo}), nil)
	write(t, ws, websocket.MessageText, strings.Repeat("x", 20000))
	read(t, ws)
	write(t, ws, websocket.MessageText, strings.Repeat("x", 20001))
	_, _, err := ws.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig || !strings.Contains(err.Error(), "20000 bytes") {
		t.Error(err)
	}
}

func TestIdle(t *testing.T) {
	o := DefaultOptions()
	o.PingInterval, o.IdleTimeout = time.Millisecond, time.Millisecond
	ws := dial(t, serve(t, o, Protocol{Talk: echo}), nil)
	_, _, err := ws.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "no message for") {
		t.Error(err)
	}
}

func raw(t *testing.T, s *server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(answer, err)
	}
	return conn
}

func TestDeadClient(t *testing.T) {
	o := DefaultOptions()
	o.PingInterval, o.PongTimeout = time.Millisecond, 10*time.Millisecond
	ended := make(chan error, 1)
	s := serve(t, o, Protocol{Talk: func(ctx context.Context, c *Conn) error {
		_, err := c.Next(ctx, 0)
		ended <- err
		return err
	}})
	raw(t, s)
	if err := <-ended; !errors.Is(err, errGone) {
		t.Error(err)
	}
}

func TestBrokenClients(t *testing.T) {
	noise := make([]byte, 4096)
	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 0))
	for i := range noise {
		noise[i] = byte(chance.Uint32())
	}
	t.Log("seed", seed)
	for name, frames := range map[string]string{
		"not masked":             "\x82\x05hello",
		"reserved bits":          "\xf2\x80\x01\x02\x03\x04",
		"unknown kind":           "\x8b\x80\x01\x02\x03\x04",
		"continues nothing":      "\x80\x80\x01\x02\x03\x04",
		"control too long":       "\x89\xfe\x00\xff\x01\x02\x03\x04",
		"control in parts":       "\x09\x80\x01\x02\x03\x04",
		"larger than memory":     "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04",
		"negative length":        "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04",
		"half a header":          "\x82",
		"half a frame":           "\x82\x85\x01\x02\x03\x04he",
		"half a message":         "\x02\x85\x01\x02\x03\x04hello",
		"new message inside one": "\x02\x81\x01\x02\x03\x04h\x82\x81\x01\x02\x03\x04h",
		"close of one byte":      "\x88\x81\x01\x02\x03\x04x",
		"noise":                  string(noise),
		"nothing":                "",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, DefaultOptions(), Protocol{Talk: echo})
			conn := raw(t, s)
			if _, err := conn.Write([]byte(frames)); err != nil {
				t.Log(err)
			}
			conn.(*net.TCPConn).SetLinger(0) // as the system does for a process that is killed
			conn.Close()
			s.wait(t)
		})
	}
}

func TestLimit(t *testing.T) {
	s := serve(t, DefaultOptions(), Protocol{Talk: echo})
	first := dial(t, s, nil)
	dial(t, s, nil)
	_, answer, err := websocket.Dial(t.Context(), s.URL, nil)
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Fatal(answer, err)
	}
	write(t, first, websocket.MessageText, "x")
	read(t, first)
}

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		allowed []string
		origin  string
		ok      bool
	}{
		{nil, "", true},
		{nil, "https://app.example.com", false},
		{[]string{"https://app.example.com"}, "https://app.example.com", true},
		{[]string{"https://app.example.com"}, "http://app.example.com", false},
		{[]string{"https://app.example.com"}, "https://evil.example.com", false},
		{[]string{"*"}, "null", true},
	} {
		o := DefaultOptions()
		o.Origins = test.allowed
		s := serve(t, o, Protocol{Talk: echo})
		header := http.Header{}
		if test.origin != "" {
			header.Set("Origin", test.origin)
		}
		ws, _, err := websocket.Dial(t.Context(), s.URL, &websocket.DialOptions{HTTPHeader: header})
		if (err == nil) != test.ok {
			t.Errorf("%q where %q are allowed: %v", test.origin, test.allowed, err)
		}
		if err == nil {
			ws.CloseNow()
		}
	}
}
