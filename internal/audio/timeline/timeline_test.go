package timeline_test

import (
	"slices"
	"testing"

	"sensevoice/internal/audio/timeline"
)

// add appends moments to a buffer of two channels, each its own number.
func add(b *timeline.Buffer, moments ...float32) {
	space := b.Space()
	for _, x := range moments {
		space = append(space, x, -x)
	}
	b.Add(space)
}

func drain(t *testing.T, b *timeline.Buffer) (moments []float32) {
	t.Helper()
	part := make([]float32, 5) // room for two moments
	for !b.Empty() {
		n, err := b.Read(part)
		if err != nil || n == 0 || n%2 != 0 {
			t.Fatalf("%d samples, %v", n, err)
		}
		for i := 0; i < n; i += 2 {
			moments = append(moments, part[i])
		}
	}
	return moments
}

func TestBuffer(t *testing.T) {
	tests := []struct {
		name string
		do   func(b *timeline.Buffer)
		want []float32
	}{
		{"nothing", func(*timeline.Buffer) {}, nil},
		{"as it is", func(b *timeline.Buffer) { add(b, 1, 2); add(b, 3) }, []float32{1, 2, 3}},
		{"skip", func(b *timeline.Buffer) { b.Skip(3); add(b, 1, 2); add(b, 3, 4); add(b, 5) }, []float32{4, 5}},
		{"skip all", func(b *timeline.Buffer) { b.Skip(3); add(b, 1, 2) }, nil},
		{"trim", func(b *timeline.Buffer) { add(b, 1, 2); add(b, 3, 4); b.Trim(1) }, []float32{1, 2, 3}},
		{"trim more than there is", func(b *timeline.Buffer) { add(b, 1, 2); b.Trim(1 << 62) }, nil},
		{"trim less than nothing", func(b *timeline.Buffer) { add(b, 1, 2); b.Trim(-1 << 63) }, []float32{1, 2}},
		{"behead", func(b *timeline.Buffer) { add(b, 1, 2, 3); b.Behead(2) }, []float32{3}},
		{"behead more than there is", func(b *timeline.Buffer) { add(b, 1, 2); b.Behead(1 << 62) }, nil},
		{"fill", func(b *timeline.Buffer) { add(b, 1); _ = b.Fill(3) }, []float32{0, 0, 0, 1}},
		{"again", func(b *timeline.Buffer) {
			add(b, 1, 2)
			drain(t, b)
			add(b, 3)
		}, []float32{3}},
	}
	for _, test := range tests {
		b := timeline.NewBuffer(10, 2)
		test.do(b)
		if got := drain(t, b); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	b := timeline.NewBuffer(10, 2)
	if b.Fill(20_000) != nil || b.Fill(20_000) == nil {
		t.Error("an hour in all is the limit")
	}
}
