//go:build linux

package ffmpeg

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConfined: the program has its bounds, and a group that is killed with all that is in it.
func TestConfined(t *testing.T) {
	path, _ := script(t, "sleep 1000 & cat OUT; wait")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, err := NewReader(ctx, strings.NewReader(""), Options{Program: path, Format: "MP3", Demuxer: "mp3"})
	if err != nil {
		t.Fatal(err)
	}
	pid := f.cmd.Process.Pid
	for resource, want := range map[int]uint64{unix.RLIMIT_AS: maxMemory, unix.RLIMIT_CPU: maxSeconds, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0} {
		var got unix.Rlimit
		if err := unix.Prlimit(pid, resource, nil, &got); err != nil || got.Cur != want || got.Max != want {
			t.Errorf("resource %d: %+v, %v, want %d", resource, got, err, want)
		}
	}
	if group, err := unix.Getpgid(pid); err != nil || group != pid {
		t.Errorf("group %d of process %d: %v", group, pid, err)
	}
	cancel()
	if _, err := readAll(f); err == nil {
		t.Error("it goes on")
	}
	f.Close()
	if err := unix.Kill(-pid, 0); err == nil && !allZombies(t, pid) {
		t.Error("processes of its group are left")
	}
}

// allZombies tells whether all processes of a group have ended, and wait for somebody to ask.
func allZombies(t *testing.T, group int) bool {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return false
		}
	}
	return true
}
