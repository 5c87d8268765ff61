package audio

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SniffSize is how many bytes Sniff wants to see; fewer will do.
const SniffSize = 64

// Kind is what a file seems to be.
type Kind struct {
	Name  string // fit for a message, such as "MP3" or "HTML"; empty where the bytes do not tell
	Sound bool   // whether such files hold sound
}

// signatures are bytes at a fixed place; the first match counts.
var signatures = []struct {
	offset int
	bytes  string
	kind   Kind
}{
	{8, "WAVE", Kind{"WAV", true}},
	{8, "AVI ", Kind{"AVI", true}},
	{8, "WEBP", Kind{"a WebP picture", false}},
	{0, "riff\x2e\x91\xcf\x11", Kind{"Wave64", true}},
	{0, "ID3", Kind{"MP3", true}},
	{0, "OggS", Kind{"Ogg", true}},
	{0, "fLaC", Kind{"FLAC", true}},
	{4, "ftyp", Kind{"MP4", true}},
	{0, "\x1aE\xdf\xa3", Kind{"WebM", true}},
	{8, "AIFF", Kind{"AIFF", true}},
	{8, "AIFC", Kind{"AIFF", true}},
	{0, "caff", Kind{"CAF", true}},
	{0, "#!AMR", Kind{"AMR", true}},
	{0, ".snd", Kind{"AU", true}},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind{"WMA", true}},
	{0, "FLV\x01", Kind{"FLV", true}},
	{0, "\x47\x40\x00\x10", Kind{"MPEG-TS", true}}, // the table of programs
	{0, "\x47\x40\x11\x10", Kind{"MPEG-TS", true}}, // the table of services
	{0, "\x00\x00\x01\xba", Kind{"MPEG-PS", true}},
	{0, "wvpk", Kind{"WavPack", true}},
	{0, "MAC ", Kind{"Monkey's Audio", true}},
	{0, "TTA1", Kind{"TTA", true}},
	{0, "MPCK", Kind{"Musepack", true}},
	{0, "\x0b\x77", Kind{"AC-3", true}},
	{0, "PK\x03\x04", Kind{"a ZIP archive", false}},
	{0, "\x1f\x8b", Kind{"a gzip archive", false}},
	{0, "%PDF", Kind{"PDF", false}},
	{0, "\x89PNG", Kind{"a PNG picture", false}},
}

// Sniff tells what a file is by its first bytes.
func Sniff(head []byte) Kind {
	for _, s := range signatures {
		if len(head) >= s.offset && bytes.HasPrefix(head[s.offset:], []byte(s.bytes)) {
			return s.kind
		}
	}
	switch {
	case isMPEG(head):
		return Kind{"MP3", true}
	case isADTS(head):
		return Kind{"AAC", true}
	}
	return Kind{Name: sniffText(head)}
}

// isMPEG recognises the frame header of MPEG audio: eleven set bits, then a version, layer, bit rate
// and sample rate that are not the reserved ones.
func isMPEG(head []byte) bool {
	return len(head) >= 3 && head[0] == 0xff && head[1]&0xe0 == 0xe0 &&
		head[1]&0x18 != 0x08 && head[1]&0x06 != 0 && head[2]&0xf0 != 0xf0 && head[2]&0x0c != 0x0c
}

// isADTS recognises AAC as sent without a container: twelve set bits and layer 0.
func isADTS(head []byte) bool {
	return len(head) >= 3 && head[0] == 0xff && head[1]&0xf6 == 0xf0 && head[2]&0x3c <= 12<<2
}

func sniffText(head []byte) string {
	text := strings.TrimSpace(strings.TrimPrefix(string(head), "\ufeff"))
	for cut := 0; cut < utf8.UTFMax-1 && !utf8.ValidString(text) && text != ""; cut++ {
		text = text[:len(text)-1] // head may end inside a character
	}
	control := func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }
	if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
		return ""
	}
	lower := strings.ToLower(text)
	switch {
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"):
		return "HTML"
	case strings.HasPrefix(lower, "<?xml"):
		return "XML"
	case text[0] == '{':
		return "JSON"
	}
	return "text"
}
