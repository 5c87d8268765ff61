// Package ogg takes the packets of one sound track out of an Ogg stream (RFC 3533): page by page, each with a checksum that is
// right. Chained streams follow one another; other tracks beside it are passed over.
package ogg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
)

// maxPacket bounds what is put together from many pages; comments may hold a picture.
const maxPacket = 16 << 20

// Page is the packets that end on one page.
type Page struct {
	Packets [][]byte // good until the next page
	Granule int64    // the codec's clock at the end of the last packet, or -1 where none ends here
	First   bool     // of a logical stream: its only packet is the codec's header
	Last    bool
	Lost    bool // pages before it are missing
}

// Reader reads the pages of one logical stream, and of those chained to it.
type Reader struct {
	pages
	codecs   []string // beginnings of headers that are wanted
	serial   uint32
	chosen   bool
	heads    bool // whether only first pages have been seen since the choice
	ended    bool // the last page has been seen
	sequence uint32
	partial  []byte // the packet that goes on
	broken   bool   // whether the partial packet lacks its beginning
	others   []string
}

// NewReader finds the first logical stream whose header begins with one of the codecs, and returns its first page too.
// Where there is none the error is audio.ErrUnsupported, and says what there is.
func NewReader(src *source.Reader, codecs ...string) (*Reader, Page, error) {
	r := &Reader{pages: pages{src: src}, codecs: codecs}
	page, err := r.Next()
	if err == io.EOF {
		err = r.fault(errors.New("the file holds no page that is whole"))
		if r.damage != nil {
			err = r.damage
		}
	}
	return r, page, err
}

// Damage is the first that was passed over, or nil.
func (r *Reader) Damage() error { return r.damage }

// Offset is where the reading has come.
func (r *Reader) Offset() int64 { return r.src.Offset() }

// Next returns the next page, or io.EOF at the end of the file.
func (r *Reader) Next() (Page, error) {
	for {
		raw, err := r.next()
		if err == io.EOF && r.chosen && !r.ended {
			r.note("the stream ends without its last page")
		}
		if err != nil {
			return Page{}, err
		}
		if raw.flags&flagFirst != 0 {
			if !r.choose(raw) {
				continue
			}
			return r.assemble(raw)
		}
		if !r.chosen {
			return Page{}, r.fault(fmt.Errorf("sound of the kind %s is %w", strings.Join(r.others, " and "), audio.ErrUnsupported))
		}
		if raw.serial != r.serial || r.ended {
			r.heads = false
			continue
		}
		r.heads = false
		return r.assemble(raw)
	}
}

// choose decides whether a logical stream is read on from its first page.
func (r *Reader) choose(raw rawPage) bool {
	wanted := false
	for _, codec := range r.codecs {
		wanted = wanted || bytes.HasPrefix(raw.body, []byte(codec))
	}
	if !wanted {
		r.others = append(r.others[:min(len(r.others), 3)], codecName(raw.body))
	}
	if !wanted || r.chosen && r.heads { // a second track beside the first
		return false
	}
	r.serial, r.chosen, r.heads, r.ended = raw.serial, true, true, false
	r.sequence, r.partial, r.broken = raw.sequence, nil, false
	return true
}

// assemble cuts a page into packets.
func (r *Reader) assemble(raw rawPage) (Page, error) {
	page := Page{
		Granule: raw.granule, First: raw.flags&flagFirst != 0, Last: raw.flags&flagLast != 0, Lost: raw.sequence != r.sequence,
	}
	r.sequence, r.ended = raw.sequence+1, page.Last
	continued := raw.flags&flagContinued != 0
	if page.Lost {
		r.note("pages are missing")
	}
	if page.Lost || continued != (r.partial != nil) {
		r.partial, r.broken = nil, continued
	}
	start, end := 0, 0
	for i, length := range raw.segments {
		end += int(length)
		if length == 255 && i < len(raw.segments)-1 {
			continue
		}
		part := raw.body[start:end]
		start = end
		if len(r.partial)+len(part) > maxPacket {
			return Page{}, r.fault(fmt.Errorf("a packet of more than %d MiB", maxPacket>>20))
		}
		if length == 255 { // goes on with the next page; not nil, for it may be empty
			if r.partial == nil {
				r.partial = []byte{}
			}
			r.partial = append(r.partial, part...)
			break
		}
		if r.partial != nil {
			part = append(r.partial, part...)
			r.partial = nil
		}
		if !r.broken {
			page.Packets = append(page.Packets, part)
		}
		r.broken = false
	}
	return page, nil
}

// codecName tells what a logical stream is by the beginning of its header.
func codecName(head []byte) string {
	for magic, name := range map[string]string{
		"Speex   ": "Speex", "\x7fFLAC": "FLAC", "\x80theora": "Theora", "OpusHead": "Opus", "\x01vorbis": "Vorbis",
		"fishead\x00": "Skeleton", "BBCD\x00": "Dirac", "PCM     ": "PCM", "CELT    ": "CELT", "OVP80": "VP8",
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return name
		}
	}
	return "unknown"
}
