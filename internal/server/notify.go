package server

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Notifier tells systemd how the service is, by the protocol of sd_notify(3). Without systemd it tells nobody.
type Notifier struct {
	socket   string
	watchdog time.Duration // 0: none
}

// NewNotifier reads what systemd has put into the environment. What it says to another process is not for this one.
func NewNotifier(getenv func(string) string, pid int) Notifier {
	n := Notifier{socket: getenv("NOTIFY_SOCKET")}
	micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if own := getenv("WATCHDOG_PID"); err == nil && micros > 0 && (own == "" || own == strconv.Itoa(pid)) {
		n.watchdog = time.Duration(micros) * time.Microsecond
	}
	return n
}

// Send sends lines such as "READY=1".
func (n Notifier) Send(lines ...string) error {
	if n.socket == "" {
		return nil
	}
	name := n.socket
	if rest, ok := strings.CutPrefix(name, "@"); ok {
		name = "\x00" + rest // in the abstract namespace
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	defer c.Close()
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	return err
}

// Reloading is what systemd wants to hear before a reload of Type=notify-reload; READY=1 ends it.
func (n Notifier) Reloading() error {
	return n.Send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonic().Microseconds()))
}

// Watch tells systemd's watchdog, until the context ends, that the service works, as often as healthy says so.
func (n Notifier) Watch(ctx context.Context, healthy func(context.Context) bool) {
	if n.socket == "" || n.watchdog == 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 3)
	defer tick.Stop()
	for {
		if healthy(ctx) {
			_ = n.Send("WATCHDOG=1") // one that is lost is made up for by the next
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
