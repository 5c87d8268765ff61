package funasrws

import (
	"strings"

	"sensevoice/internal/transcript"
)

// pieces makes text that only grows of recognitions of a sentence that grows: what two in a row agree on.
type pieces struct {
	latest []int32 // token ids of the latest recognition
	sent   []int32
	count  int // of pieces
}

// agree returns the tokens' text that is certain now and was not before.
func (p *pieces) agree(tokens []transcript.Token) string {
	same := 0
	for same < len(tokens) && same < len(p.latest) && tokens[same].ID == p.latest[same] {
		same++
	}
	p.latest = p.latest[:0]
	for _, t := range tokens {
		p.latest = append(p.latest, t.ID)
	}
	for i, id := range p.sent {
		if i >= same || tokens[i].ID != id {
			return "" // it has changed its mind about what was sent; the whole sentence will tell
		}
	}
	return p.send(tokens[len(p.sent):same])
}

// rest returns the text that follows what was sent.
func (p *pieces) rest(tokens []transcript.Token) string {
	return p.send(tokens[min(len(p.sent), len(tokens)):])
}

func (p *pieces) send(tokens []transcript.Token) string {
	var text strings.Builder
	for _, t := range tokens {
		text.WriteString(t.Text)
		p.sent = append(p.sent, t.ID)
	}
	if text.Len() > 0 {
		p.count++
	}
	return text.String()
}

// first tells whether the latest piece was the first, and any whether there was one.
func (p *pieces) first() bool { return p.count == 1 }

func (p *pieces) any() bool { return p.count > 0 }
