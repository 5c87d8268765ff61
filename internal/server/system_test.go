package server

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip("no datagrams here:", err)
	}
	defer socket.Close()
	received := func() string {
		t.Helper()
		buf := make([]byte, 1000)
		_ = socket.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000", "WATCHDOG_PID": "17"}
	n := NewNotifier(func(name string) string { return env[name] }, 17)
	if err := n.Send("READY=1", "MAINPID=17"); err != nil {
		t.Fatal(err)
	}
	if got := received(); got != "READY=1\nMAINPID=17" {
		t.Errorf("%q", got)
	}
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	if got := received(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, probes := make(chan struct{}), 0
	go func() {
		defer close(done)
		n.Watch(ctx, func(context.Context) bool { probes++; return probes != 2 })
	}()
	for range 2 {
		if got := received(); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	cancel()
	<-done
	if probes < 3 {
		t.Errorf("%d probes, and one of them failed", probes)
	}
	other := NewNotifier(func(name string) string { return env[name] }, 18)
	other.Watch(t.Context(), func(context.Context) bool { t.Error("watched for another process"); return false })
	if err := NewNotifier(func(string) string { return "" }, 1).Send("READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
}

func TestDivide(t *testing.T) {
	const gib = 1 << 30
	machine := func() (int64, error) { return 10 * gib, nil }
	s, err := Divide(0, gib, machine)
	if err != nil || s.Limit != 8*gib {
		t.Fatalf("%+v, %v", s, err)
	}
	if sum := s.Queue + s.Arena + s.Uploads + s.Work; sum > s.Limit-s.Base || sum < (s.Limit-s.Base)/2 {
		t.Errorf("%+v: %d of %d bytes are shared out", s, sum, s.Limit-s.Base)
	}
	if s, err = Divide(2*gib, gib, nil); err != nil || s.Limit != 2*gib {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err = Divide(gib, gib, nil); err == nil || !strings.Contains(err.Error(), "at least 192 more") {
		t.Errorf("%v", err)
	}
	if _, err = Divide(0, 0, func() (int64, error) { return 0, errors.New("no /proc") }); err == nil || !strings.Contains(err.Error(), "SENSEVOICE_MAX_MEMORY") {
		t.Errorf("%v", err)
	}
}

func TestField(t *testing.T) {
	text := []byte("MemFree:  1 kB\nMemTotal:   12 kB\n")
	if n, err := field(text, "MemTotal:"); err != nil || n != 12<<10 {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "MemTotal:", "MemTotal: x kB"} {
		if n, err := field([]byte(bad), "MemTotal:"); err == nil {
			t.Errorf("%q is %d", bad, n)
		}
	}
}
