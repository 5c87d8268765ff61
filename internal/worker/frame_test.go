package worker

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"sensevoice/internal/sensevoice"
)

func TestFrame(t *testing.T) {
	area := make([]byte, 100)
	for _, items := range [][][]byte{{}, {{}}, {[]byte("a"), {}, []byte("bcd")}} {
		n, err := put(area, items)
		if err != nil {
			t.Fatal(err)
		}
		got, err := take(area, uint64(n))
		if err != nil || len(got) != len(items) {
			t.Fatalf("%v: %v, %v", items, got, err)
		}
		for i := range got {
			if !bytes.Equal(got[i], items[i]) {
				t.Errorf("%v: %v", items, got)
			}
		}
	}
	if _, err := put(area, [][]byte{make([]byte, 93)}); err == nil || !strings.Contains(err.Error(), "1 items take 101 bytes of 100") {
		t.Errorf("%v", err)
	}
}

// FuzzTake reads what a mad worker could write.
func FuzzTake(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 1, 0, 0, 0, 'a', 0, 0, 0, 0}, uint64(13))
	f.Add([]byte{255, 255, 255, 255}, uint64(4))
	f.Fuzz(func(t *testing.T, area []byte, used uint64) {
		items, err := take(area, used)
		if err != nil {
			return
		}
		again := make([]byte, len(area))
		if n, err := put(again, items); err != nil || uint64(n) != used || !bytes.Equal(again[:n], area[:n]) {
			t.Errorf("%v, %d bytes", err, n)
		}
	})
}

func TestSegments(t *testing.T) {
	want := sensevoice.Segment{Features: []float32{1, -2.5, 3e-30}, Language: "yue", ITN: true, Banned: []int32{7, 25054}}
	got, err := DecodeSegment(EncodeSegment(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	ids, probs, err := DecodeRows(EncodeRows([]int32{5, 0, 1 << 20}, []float32{-1, 0, -1e-9}), 3)
	if err != nil || !reflect.DeepEqual(ids, []int32{5, 0, 1 << 20}) || !reflect.DeepEqual(probs, []float32{-1, 0, -1e-9}) {
		t.Errorf("%v, %v, %v", ids, probs, err)
	}
	if _, _, err := DecodeRows(make([]byte, 16), 3); err == nil {
		t.Error("an answer that is too short was taken")
	}
}

func FuzzDecodeSegment(f *testing.F) {
	f.Add(EncodeSegment(sensevoice.Segment{Features: []float32{1}, Language: "zh", Banned: []int32{3}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := DecodeSegment(b); err == nil && !bytes.Equal(EncodeSegment(s), b) {
			t.Errorf("%x reads as %+v", b, s)
		}
	})
}
