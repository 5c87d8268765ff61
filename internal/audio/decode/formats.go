package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/ffmpeg"
	"sensevoice/internal/audio/flac"
	"sensevoice/internal/audio/mp3"
	"sensevoice/internal/audio/ogg"
	"sensevoice/internal/audio/opus"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/vorbis"
	"sensevoice/internal/audio/wav"
	"sensevoice/internal/audio/webm"
)

// headLimit is how much of a recording may be read before it turns out that another program must read it.
const headLimit = 16 << 20

// readers open the formats that are read here, by the names that audio.Sniff gives. An error that is audio.ErrUnsupported
// leaves the recording to ffmpeg.
var readers = map[string]func(*source.Reader) (audio.Decoder, error){
	"WAV":  func(src *source.Reader) (audio.Decoder, error) { return wav.NewReader(src) },
	"FLAC": func(src *source.Reader) (audio.Decoder, error) { return flac.NewReader(src) },
	"Ogg":  openOgg,
	"WebM": func(src *source.Reader) (audio.Decoder, error) { return webm.NewReader(src) },
	"MP3":  func(src *source.Reader) (audio.Decoder, error) { return mp3.NewReader(src) },
}

func openOgg(src *source.Reader) (audio.Decoder, error) {
	r, first, err := ogg.NewReader(src, opus.Magic, vorbis.Magic)
	if err != nil {
		return nil, err
	}
	if len(first.Packets) > 0 && bytes.HasPrefix(first.Packets[0], []byte(opus.Magic)) {
		return opus.NewReader(r, first)
	}
	return vorbis.NewReader(r, first)
}

// demuxers are ffmpeg's names for the formats that it reads for us. It is never left to guess: among what it knows are playlists,
// which name other files.
var demuxers = map[string]string{
	"WAV": "wav", "FLAC": "flac", "Ogg": "ogg", "WebM": "matroska", "MP3": "mp3", "MP4": "mov", "AAC": "aac", "AMR": "amr",
	"AIFF": "aiff", "CAF": "caf", "AU": "au", "AVI": "avi", "WMA": "asf", "Wave64": "w64", "FLV": "flv", "MPEG-TS": "mpegts",
	"MPEG-PS": "mpeg", "WavPack": "wv", "Monkey's Audio": "ape", "TTA": "tta", "Musepack": "mpc8", "AC-3": "ac3",
}

// preferFFmpeg tells whether a format that is read here is better read by ffmpeg where that is installed.
func preferFFmpeg(name string, o Options) bool {
	if name != "MP3" {
		return false
	}
	_, err := ffmpeg.Find(o.FFmpeg)
	return err == nil
}

// openFFmpeg leaves a recording to ffmpeg. Without it, the reason why the recording is not read here becomes the error.
func openFFmpeg(ctx context.Context, src *source.Reader, kind audio.Kind, unsupported error, o Options) (audio.Decoder, error) {
	const elsewhere = "convert it first: ffmpeg -i IN -ac 1 -ar 16000 OUT.wav"
	demuxer, known := demuxers[kind.Name]
	missing := unsupportedError(kind.Name, unsupported)
	if _, err := ffmpeg.Find(o.FFmpeg); err != nil || !known {
		switch {
		case !known || o.FFmpeg == ffmpeg.None:
			missing.Hint = elsewhere
		case o.FFmpeg != "":
			missing.Hint = fmt.Sprintf("ffmpeg would read it, but %v; or %s", err, elsewhere)
		default:
			missing.Hint = "install ffmpeg, or " + elsewhere
		}
		return nil, missing
	}
	seek := kind.Name == "MP4" && indexLast(src)
	r, ok := src.Again()
	if !ok {
		missing.Hint = elsewhere
		return nil, missing
	}
	decoder, err := ffmpeg.NewReader(ctx, r, ffmpeg.Options{
		Program: o.FFmpeg, Demuxer: demuxer, Format: kind.Name, MaxDuration: o.MaxDuration, Seek: seek, MaxBytes: o.MaxBytes,
	})
	if failure := src.Failure(); err != nil && failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	return decoder, nil
}

// unsupportedError is a copy of a reader's error that can take a hint.
func unsupportedError(name string, err error) *audio.FormatError {
	var format *audio.FormatError
	if errors.As(err, &format) {
		with := *format
		return &with
	}
	return &audio.FormatError{Format: name, Err: err}
}

// indexLast tells whether an MP4 file has, or may have, its index behind its sound: whether no "moov" box comes before "mdat" in
// what can be looked at.
func indexLast(src *source.Reader) bool {
	at := 0
	for range 16 {
		head, err := src.Peek(at + 8)
		if err != nil {
			return true
		}
		switch string(head[at+4 : at+8]) {
		case "moov":
			return false
		case "mdat":
			return true
		}
		size := binary.BigEndian.Uint32(head[at:])
		if size < 8 || size > 1<<15 {
			return true
		}
		at += int(size)
	}
	return true
}

// skipTags passes over what players put before a recording, and tells whether there was any: ID3v2, which says its length in four
// times seven bits.
func skipTags(src *source.Reader) (found bool, err error) {
	const head = 10
	for range 4 {
		tag, err := src.Peek(head)
		if err != nil && err != io.EOF {
			return found, err
		}
		if len(tag) < head || string(tag[:3]) != "ID3" {
			return found, nil
		}
		found = true
		size := int64(0)
		for _, b := range tag[6:] {
			size = size<<7 | int64(b&0x7f)
		}
		if tag[5]&0x10 != 0 {
			size += head // a footer
		}
		if err := src.Skip(head + size); err != nil && err != io.EOF {
			return found, err
		}
	}
	return found, nil
}
