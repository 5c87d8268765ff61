package speech

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"sensevoice/internal/transcript"
)

// TestPacer gives one place, and rests in proportion to what it took.
func TestPacer(t *testing.T) {
	var p Pacer
	at := func(ms int) time.Time { return time.Unix(100, 0).Add(time.Duration(ms) * time.Millisecond) }
	if !p.start(at(0)) || p.start(at(1000)) {
		t.Error("two at once")
	}
	p.done(at(0), at(100))
	if p.start(at(249)) || !p.start(at(250)) {
		t.Error("after 100 ms of work it should rest 150")
	}
}

// TestPCM16 cuts samples in pieces of all sizes.
func TestPCM16(t *testing.T) {
	var data []byte
	for i := range 1000 {
		data = append(data, byte(i*7), byte(i*13))
	}
	for _, rate := range []int{16000, 8000, 44100} {
		whole, err := NewPCM16(rate)
		if err != nil {
			t.Fatal(err)
		}
		want := append(append([]float32{}, whole.Write(data)...), whole.Flush()...)
		if len(want) != (1000*16000+rate-1)/rate {
			t.Errorf("%d Hz: %d samples", rate, len(want))
		}
		for size := 1; size < 12; size++ {
			p, err := NewPCM16(rate)
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			for rest := data; len(rest) > 0; {
				n := min(size, len(rest))
				got = append(got, p.Write(rest[:n])...)
				got = append(got, p.Write(nil)...)
				rest = rest[n:]
			}
			got = append(got, p.Flush()...)
			for i := range want {
				if len(got) != len(want) || got[i] != want[i] {
					t.Fatalf("%d Hz in pieces of %d: %d samples, want %d; or sample %d differs", rate, size, len(got), len(want), i)
				}
			}
		}
	}
	for _, rate := range []int{-1, 0, MinRate - 1, MaxRate + 1} {
		if _, err := NewPCM16(rate); err == nil {
			t.Errorf("%d Hz is accepted", rate)
		}
	}
}

// TestHalfASampleIsForgotten at the end of a stream.
func TestHalfASampleIsForgotten(t *testing.T) {
	p, err := NewPCM16(16000)
	if err != nil {
		t.Fatal(err)
	}
	p.Write([]byte{1})
	p.Flush()
	if got := p.Write([]byte{0, 0x40}); len(got) != 1 || got[0] != 0.5 {
		t.Errorf("%v, want 0.5", got)
	}
}

func TestPieces(t *testing.T) {
	broken := errors.New("broken")
	list := [][]byte{[]byte("ab"), nil, []byte("c"), []byte("defgh")}
	p := Pieces{Next: func() ([]byte, error) {
		if len(list) == 0 {
			return nil, broken
		}
		first := list[0]
		list = list[1:]
		return first, nil
	}}
	got, err := io.ReadAll(&p)
	if !bytes.Equal(got, []byte("abcdefgh")) || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConfidence(t *testing.T) {
	s := transcript.Segment{Tokens: []transcript.Token{{LogProb: -0.5}, {LogProb: -1.5}}}
	if got := Confidence(&s); !(got > 0.3678 && got < 0.3680) {
		t.Errorf("%v, want 1/e", got)
	}
	if got := Confidence(new(transcript.Segment)); got != 0 {
		t.Errorf("%v without tokens", got)
	}
}
