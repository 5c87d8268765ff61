package transcribe

import "sensevoice/internal/transcript"

// seam is what the piece before a cut heard around it.
type seam struct {
	words []transcript.Word // the last ones, in order
	kept  int               // so many of them stayed with that piece
}

var seamless = seam{}

// cutAt ends a segment at a time: words whose middle is later go.
func cutAt(s transcript.Segment, at transcript.Seconds) (transcript.Segment, seam) {
	return s, seam{}
}

// after takes away from a segment what the piece before the cut has said already.
func (m *seam) after(s transcript.Segment) transcript.Segment { return s }
