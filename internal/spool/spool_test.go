package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReceive(t *testing.T) {
	dir := t.TempDir()
	s, err := New(dir, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, Memory - 1, Memory, Memory + 1, 3<<20 + 17} {
		want := bytes.Repeat([]byte{1, 2, 3, 5, 7, 11, 13}, size/7+1)[:size]
		u, err := s.Receive(iotest.DataErrReader(bytes.NewReader(want)))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := io.ReadAll(u.Open()); err != nil || !bytes.Equal(got, want) || u.Size() != int64(size) {
				t.Errorf("%d bytes: got %d, %v", size, len(got), err)
			}
		}
		u.Close()
		u.Close()
	}
	if used := s.Room().Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestReceiveFails(t *testing.T) {
	s, err := New(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 2<<20)
	if _, err := s.Receive(strings.NewReader(large)); !errors.Is(err, ErrFull) {
		t.Errorf("too large: %v", err)
	}
	broken := errors.New("connection reset")
	for _, before := range []string{"", large[:Memory], large[:Memory+5]} {
		_, err := s.Receive(io.MultiReader(strings.NewReader(before), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", len(before), err)
		}
	}
	if used := s.Room().Used(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
	if _, err := New(filepath.Join(t.TempDir(), "none"), 1); err == nil {
		t.Error("a folder that does not exist is accepted")
	}
}
