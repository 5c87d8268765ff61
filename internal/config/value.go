package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. Written, it is a number with a unit or none: 512MiB, 2GB, 1048576. K, M, G and T, and KB,
// MB, GB and TB too, are powers of 1024, as operators of servers mean them.
type Bytes int64

// Auto is the size "auto": the server finds it out.
const Auto Bytes = -1

var units = []struct {
	name string
	size Bytes
}{{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToUpper(strings.TrimSpace(string(text)))
	if s == "AUTO" {
		*b = Auto
		return nil
	}
	number, scale := strings.TrimSuffix(strings.TrimSuffix(s, "B"), "I"), Bytes(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, scale = rest, u.size
			break
		}
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(x >= 0 && x*float64(scale) < math.MaxInt64/2) || scale == 1 && strings.Contains(s, "I") {
		return fmt.Errorf("%q is no size: write a number and KiB, MiB or GiB, such as 512MiB", text)
	}
	*b = Bytes(x * float64(scale))
	return nil
}

// MarshalText writes a size in the largest unit that divides it.
func (b Bytes) MarshalText() ([]byte, error) {
	if b == Auto {
		return []byte("auto"), nil
	}
	for _, u := range units {
		if b != 0 && b%u.size == 0 {
			return fmt.Appendf(nil, "%d%siB", b/u.size, u.name), nil
		}
	}
	return strconv.AppendInt(nil, int64(b), 10), nil
}

func (b Bytes) String() string {
	text, _ := b.MarshalText()
	return string(text)
}

// Level is the least important kind of message that is logged. Python's names are read too.
type Level slog.Level

// UnmarshalText reads a level.
func (l *Level) UnmarshalText(text []byte) error {
	switch strings.ToLower(strings.TrimSpace(string(text))) {
	case "debug", "notset":
		*l = Level(slog.LevelDebug)
	case "info":
		*l = Level(slog.LevelInfo)
	case "warning", "warn":
		*l = Level(slog.LevelWarn)
	case "error", "critical", "fatal":
		*l = Level(slog.LevelError)
	default:
		return fmt.Errorf("%q is no log level: debug, info, warning or error", text)
	}
	return nil
}

func (l Level) String() string {
	if slog.Level(l) == slog.LevelWarn {
		return "warning"
	}
	return strings.ToLower(slog.Level(l).String())
}

// Format is how the log is written.
type Format string

// UnmarshalText reads a format.
func (f *Format) UnmarshalText(text []byte) error {
	switch s := Format(strings.ToLower(strings.TrimSpace(string(text)))); s {
	case "auto", "json", "text":
		*f = s
		return nil
	}
	return fmt.Errorf("%q is no log format: auto, json or text", text)
}
