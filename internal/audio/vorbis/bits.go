package vorbis

// bits reads a header from the lowest bit of each byte on (Vorbis I, section 2).
type bits struct {
	data []byte
	at   int // bit
	past bool
}

func (b *bits) read(n int) int {
	if b.at+n > 8*len(b.data) {
		b.past = true
		return 0
	}
	value := 0
	for i := range n {
		value |= int(b.data[b.at/8]>>(b.at%8)&1) << i
		b.at++
	}
	return value
}

func (b *bits) bool() bool { return b.read(1) == 1 }

func (b *bits) left() int { return 8*len(b.data) - b.at }
