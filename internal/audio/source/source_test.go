package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

func TestAgain(t *testing.T) {
	text := strings.Repeat("0123456789", 20_000)
	s := source.New(t.Context(), strings.NewReader(text), 0)
	if err := s.Skip(10); err != nil {
		t.Fatal(err)
	}
	s.Keep(150_000)
	var taken [5]byte
	if _, err := s.ReadFull(taken[:]); err != nil {
		t.Fatal(err)
	}
	if b, err := s.ReadByte(); b != '5' || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	if err := s.Skip(100_000); err != nil || s.Offset() != 100_016 {
		t.Fatalf("at %d, %v", s.Offset(), err)
	}
	r, ok := s.Again()
	if !ok {
		t.Fatal("what was taken is lost")
	}
	if all, err := io.ReadAll(r); err != nil || string(all) != text[10:] {
		t.Errorf("%d bytes of %d, %v", len(all), len(text)-10, err)
	}
}

func TestAgainHasALimit(t *testing.T) {
	s := source.New(t.Context(), strings.NewReader(strings.Repeat("x", 100)), 0)
	s.Keep(10)
	if err := s.Skip(11); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Again(); ok {
		t.Error("more is kept than the limit")
	}
}

func TestLimit(t *testing.T) {
	for _, test := range []struct {
		length, limit int64
		fails         bool
	}{{10, 0, false}, {10, 10, false}, {11, 10, true}, {100_000, 99_999, true}} {
		s := source.New(t.Context(), bytes.NewReader(make([]byte, test.length)), test.limit)
		n, err := io.Copy(io.Discard, s)
		var large *audio.TooLargeError
		if errors.As(err, &large) != test.fails || test.fails && (n != test.limit || s.Failure() == nil) {
			t.Errorf("%d of at most %d bytes: %d, %v", test.length, test.limit, n, err)
		}
	}
}

func TestFailureIsKept(t *testing.T) {
	broken := errors.New("connection reset")
	s := source.New(t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 0)
	var p [10]byte
	if n, err := s.ReadFull(p[:]); n != 3 || err != broken || s.Failure() != broken || s.Arrived() != 3 {
		t.Errorf("%d bytes, %v, failure %v", n, err, s.Failure())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s = source.New(ctx, strings.NewReader("abc"), 0)
	cancel(broken)
	if _, err := s.ReadByte(); err != broken || s.Failure() != broken {
		t.Errorf("after the end of the context: %v, failure %v", err, s.Failure())
	}
	s = source.New(t.Context(), strings.NewReader(""), 0)
	if _, err := s.ReadByte(); err != io.EOF || s.Failure() != nil {
		t.Errorf("at the end: %v, failure %v", err, s.Failure())
	}
}
