package limit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(10)
		if !b.TryAcquire(6) || b.TryAcquire(5) || b.Used() != 6 || b.Size() != 10 {
			t.Fatalf("used %d", b.Used())
		}
		got := make(chan error)
		go func() { got <- b.Acquire(t.Context(), 10) }()
		synctest.Wait()
		if b.TryAcquire(1) {
			t.Error("who comes later overtakes who waits")
		}
		b.Release(6)
		if err := <-got; err != nil || b.Used() != 10 {
			t.Errorf("%v, used %d", err, b.Used())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Acquire(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || b.Used() != 10 {
			t.Errorf("%v, used %d", err, b.Used())
		}
	})
}

func TestRates(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRates(2, 3)
	for i := range 3 {
		if wait := r.Take("a", now); wait != 0 {
			t.Errorf("token %d: wait %v", i, wait)
		}
	}
	if wait := r.Take("a", now); wait != 500*time.Millisecond {
		t.Errorf("wait %v, want 500ms", wait)
	}
	if wait := r.Take("a", now.Add(500*time.Millisecond)); wait != 0 {
		t.Errorf("a refused request took a token: wait %v", wait)
	}
	if wait := r.Take("b", now); wait != 0 {
		t.Errorf("b waits for a: %v", wait)
	}
	for i := range 2*maxBuckets + 5 {
		r.Take(fmt.Sprint(i), now)
	}
	if len(r.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(r.buckets))
	}
	r.Set(0, 1)
	if wait := r.Take("a", now); wait != 0 {
		t.Errorf("no limit: wait %v", wait)
	}
}

func TestListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0
	l := &Listener{Listener: inner, Max: 1, Plain: true, Rejected: func() { rejected++ }}
	accepted := make(chan net.Conn, 4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	answer, err := http.ReadResponse(bufio.NewReader(dial()), nil)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%v, %v", answer, err)
	}
	if body, err := io.ReadAll(answer.Body); err != nil || len(body) != 76 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	first.Close()
	first.Close()
	dial()
	<-accepted
	if l.Open() != 1 {
		t.Errorf("%d open", l.Open())
	}
	l.Close()
	<-done
	if rejected != 1 {
		t.Errorf("%d rejected", rejected)
	}
}
