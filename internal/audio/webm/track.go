package webm

import (
	"errors"
	"fmt"
	"strings"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/opus"
	"sensevoice/internal/audio/vorbis"
)

// track is the sound track that is read.
type track struct {
	number   uint64
	codec    string // for messages: "Opus"
	rate     int
	channels int
	skip     int // moments to leave out at the beginning
	grain    int // moments that all packets are multiples of
	decode   func(dst []float32, packet []byte) ([]float32, error)
	lost     func() // tells the codec that packets are missing
}

// findTrack chooses the first track of sound in the body of a Tracks element.
func findTrack(body []byte) (*track, error) {
	var found *track
	err := children(body, func(id uint32, entry []byte) error {
		if id != idTrackEntry || found != nil {
			return nil
		}
		t, err := parseTrack(entry)
		found = t
		return err
	})
	if err == nil && found == nil {
		err = errors.New("there is no sound track")
	}
	return found, err
}

// parseTrack reads a TrackEntry; it returns nil for one without sound.
func parseTrack(entry []byte) (*track, error) {
	const sound = 2
	var number, kind uint64
	var codec string
	var private []byte
	encoded := false
	err := children(entry, func(id uint32, body []byte) error {
		switch id {
		case idTrackNumber:
			number = unsigned(body)
		case idTrackType:
			kind = unsigned(body)
		case idCodecID:
			codec = strings.TrimRight(string(body), "\x00")
		case idCodecPrivate:
			private = body
		case idEncodings:
			encoded = true
		}
		return nil
	})
	switch {
	case err != nil || kind != sound:
		return nil, err
	case encoded:
		return nil, fmt.Errorf("a compressed or encrypted track is %w", audio.ErrUnsupported)
	case codec == "A_OPUS":
		return opusTrack(number, private)
	case codec == "A_VORBIS":
		return vorbisTrack(number, private)
	}
	return nil, fmt.Errorf("codec %.40q is %w", codec, audio.ErrUnsupported)
}

func opusTrack(number uint64, private []byte) (*track, error) {
	head, err := opus.ParseHead(private)
	if err != nil {
		return nil, err
	}
	d, err := opus.NewDecoder(head)
	if err != nil {
		return nil, err
	}
	return &track{
		number: number, codec: "Opus", rate: opus.Rate, channels: head.Channels, skip: head.PreSkip, grain: opus.Grain,
		decode: d.Decode, lost: func() {},
	}, nil
}

// vorbisTrack takes the three headers of Vorbis, laced as Xiph does.
func vorbisTrack(number uint64, private []byte) (*track, error) {
	headers, err := unlace(private, xiphSizes)
	if err != nil || len(headers) != 3 {
		return nil, errors.New("the headers of Vorbis are malformed")
	}
	head, err := vorbis.ParseHead(headers[0])
	if err != nil {
		return nil, err
	}
	d, err := vorbis.NewDecoder(head, headers[2])
	if err != nil {
		return nil, err
	}
	return &track{
		number: number, codec: "Vorbis", rate: head.Rate, channels: head.Channels, grain: 1, decode: d.Decode, lost: d.Lost,
	}, nil
}
