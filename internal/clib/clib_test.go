//go:build linux && (amd64 || arm64)

package clib

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func libc(t *testing.T) *Library {
	t.Helper()
	l, err := Open("libc.so.6")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCall(t *testing.T) {
	l := libc(t)
	m, err := NewMemory(4096)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.PutText(100, "-1234 and more")
	if got := l.Call("atoi", m.Address(100)); got != -1234 {
		t.Errorf("atoi = %d", got)
	}
	if got := m.Text(100, 5); got != "-1234" {
		t.Errorf("text %q", got)
	}
	if l.Has("no_such_function") || l.Call("no_such_function") != Missing {
		t.Error("a function that is not there was found")
	}
}

func TestOpenSaysWhy(t *testing.T) {
	var missing *NotFoundError
	if _, err := Open("libsensevoice-none.so.1", "/nowhere/libsensevoice-none.so.1"); !errors.As(err, &missing) || missing.Name != "libsensevoice-none.so.1" {
		t.Errorf("%v", err)
	}
	broken := filepath.Join(t.TempDir(), "libbroken.so")
	if err := os.WriteFile(broken, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(broken, "libc.so.6"); err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), "is there and cannot be loaded") {
		t.Errorf("%v", err)
	}
}

// TestHang leaves a call behind, and every later one is refused at once.
func TestHang(t *testing.T) {
	thread := NewThread(time.Millisecond)
	release := make(chan struct{})
	defer close(release)
	var hang *HangError
	if err := thread.Do("nvmlInit_v2", func() { <-release }); !errors.As(err, &hang) || hang.Call != "nvmlInit_v2" {
		t.Fatalf("%v", err)
	}
	if err := thread.Do("other", func() { t.Error("ran behind a call that hangs") }); !errors.Is(err, hang) {
		t.Errorf("%v", err)
	}
}

func TestThread(t *testing.T) {
	thread := NewThread(0)
	ran := false
	if err := thread.Do("f", func() { ran = true }); err != nil || !ran {
		t.Error(err)
	}
	thread.Close()
	thread.Close()
	if err := thread.Do("f", func() { t.Error("ran after Close") }); err == nil {
		t.Error("no error after Close")
	}
}
