package segment

import (
	"math/rand/v2"
	"slices"
	"testing"
)

const second = 16000

var options = Options{Max: 30 * second, Overlap: second, Search: 10 * second, Merge: 15 * second, Gap: second}

// take returns all pieces that are ready.
func take(t *testing.T, c *Cutter) []Piece {
	t.Helper()
	var all []Piece
	for {
		p, sound, ok := c.Next()
		if !ok {
			return all
		}
		if int64(len(sound)) != p.To-p.From {
			t.Errorf("%+v has %d samples", p, len(sound))
		}
		all = append(all, p)
	}
}

// whole is a piece that was not cut.
func whole(start, end int64) Piece { return Piece{Start: start, End: end, From: start, To: end} }

func TestMerge(t *testing.T) {
	for _, test := range []struct {
		name  string
		merge int64
		found [][2]int64 // in tenths of a second
		want  [][2]int64
	}{
		{"none", 150, nil, nil},
		{"one", 150, [][2]int64{{3, 20}}, [][2]int64{{3, 20}}},
		{"joined", 150, [][2]int64{{3, 20}, {25, 60}, {70, 80}}, [][2]int64{{3, 80}}},
		{"long pause", 150, [][2]int64{{3, 20}, {31, 60}}, [][2]int64{{3, 20}, {31, 60}}},
		{"full", 150, [][2]int64{{0, 80}, {85, 149}, {151, 160}}, [][2]int64{{0, 149}, {151, 160}}},
		{"to the sample", 150, [][2]int64{{0, 80}, {85, 150}}, [][2]int64{{0, 150}}},
		{"beyond", 150, [][2]int64{{0, 80}, {85, 151}}, [][2]int64{{0, 80}, {85, 151}}},
		{"long one", 150, [][2]int64{{0, 10}, {12, 200}, {205, 210}}, [][2]int64{{0, 10}, {12, 200}, {205, 210}}},
		{"off", 0, [][2]int64{{3, 20}, {25, 60}}, [][2]int64{{3, 20}, {25, 60}}},
		{"touching", 150, [][2]int64{{3, 20}, {20, 60}}, [][2]int64{{3, 60}}},
	} {
		o := options
		o.Merge = test.merge * second / 10
		c := NewCutter(o)
		c.Write(make([]float32, 40*second))
		for _, f := range test.found {
			c.Start(f[0] * second / 10)
			c.End(f[1] * second / 10)
		}
		c.Flush()
		var want []Piece
		for _, w := range test.want {
			want = append(want, whole(w[0]*second/10, w[1]*second/10))
		}
		if got := take(t, c); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, want)
		}
	}
}

// TestSoon looks at when pieces become ready: as soon as nothing can be joined to them.
func TestSoon(t *testing.T) {
	c := NewCutter(options)
	c.Write(make([]float32, 3*second))
	c.Start(second)
	c.End(2 * second)
	c.Advance(3 * second)
	if got := take(t, c); len(got) != 0 {
		t.Errorf("%+v was ready while speech from 3 s might still be joined", got)
	}
	c.Write(make([]float32, 1))
	c.Advance(3*second + 1)
	if got := take(t, c); !slices.Equal(got, []Piece{whole(second, 2*second)}) {
		t.Errorf("%+v", got)
	}
	options := options
	options.Merge = 0
	c = NewCutter(options)
	c.Write(make([]float32, second))
	c.Start(0)
	c.End(second)
	if got := take(t, c); len(got) != 1 {
		t.Errorf("%d pieces ready at once without merging", len(got))
	}
}

// noise is loud, but quiet for 300 ms around each of the places.
func noise(length int, quiet ...int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	sound := make([]float32, length)
	for i := range sound {
		sound[i] = float32(r.NormFloat64() * 0.1)
	}
	for _, at := range quiet {
		for i := at - 2400; i < at+2400; i++ {
			sound[i] *= 0.01
		}
	}
	return sound
}

func TestCutsAtTheQuietestPoint(t *testing.T) {
	for _, chunk := range []int{160, 8000, 100 * second} {
		c := NewCutter(options)
		c.Start(0)
		var got []Piece
		// 10 s is too early for the first piece, 24 s the place; the second, from 23 s on, may be cut from 42 to 52 s.
		for part := range slices.Chunk(noise(70*second, 10*second, 24*second, 45*second), chunk) {
			c.Write(part)
			c.Advance(c.Written())
			got = append(got, take(t, c)...)
		}
		c.Flush()
		got = append(got, take(t, c)...)
		if len(got) != 3 {
			t.Fatalf("%d pieces: %+v", len(got), got)
		}
		for i, want := range []int64{24 * second, 45 * second, 70 * second} {
			p := got[i]
			if off := p.End - want; off < -800 || off > 800 {
				t.Errorf("piece %d ends at %d, want about %d", i, p.End, want)
			}
			if i > 0 && p.Start != got[i-1].End {
				t.Errorf("piece %d begins at %d, the one before ends at %d", i, p.Start, got[i-1].End)
			}
			if p.CutBefore != (i > 0) || p.CutAfter != (i < 2) {
				t.Errorf("piece %d: %+v", i, p)
			}
			if p.CutBefore && p.From != p.Start-second || p.CutAfter && p.To != p.End+second || p.To-p.From > options.Max {
				t.Errorf("overlap of piece %d: %+v", i, p)
			}
		}
	}
}

// TestEndLate tells of the end of speech long after it was reached.
func TestEndLate(t *testing.T) {
	c := NewCutter(options)
	c.Write(noise(100 * second))
	c.Start(0)
	c.End(90 * second)
	c.Flush()
	got := take(t, c)
	if len(got) < 4 || got[0].Start != 0 || got[len(got)-1].End != 90*second {
		t.Errorf("%+v", got)
	}
	for _, p := range got {
		if p.To-p.From > options.Max {
			t.Errorf("%+v is too long", p)
		}
	}
}

func TestSilenceIsCutLate(t *testing.T) {
	if got := quietest(make([]float32, 5*second)); got != 5*second-window {
		t.Errorf("at %d of %d", got, 5*second)
	}
}

// TestForgets writes forty minutes of sound, with speech and without.
func TestForgets(t *testing.T) {
	c := NewCutter(options)
	chunk := make([]float32, 10*second)
	most := 0
	for i := range int64(240) {
		c.Write(chunk)
		switch at := i * 10 * second; {
		case i%20 == 3:
			c.Start(at)
		case i%20 == 14:
			c.End(at)
		}
		c.Advance(c.Written() - second)
		take(t, c)
		most = max(most, len(c.sound))
	}
	if most > 45*second {
		t.Errorf("held %d s", most/second)
	}
	if c.Written() != 2400*second {
		t.Errorf("%d samples written", c.Written())
	}
}

func TestOpen(t *testing.T) {
	c := NewCutter(options)
	if _, _, ok := c.Open(); ok {
		t.Error("open before anything was said")
	}
	c.Write(make([]float32, 3*second))
	c.Start(second)
	p, sound, ok := c.Open()
	if !ok || p != whole(second, 3*second) || len(sound) != 2*second {
		t.Errorf("%+v, %d samples, %v", p, len(sound), ok)
	}
}
