package audio_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"sensevoice/internal/audio"
)

func TestSniff(t *testing.T) {
	tests := []struct {
		head, want string
		sound      bool
	}{
		{"", "", false},
		{"RIFF\x24\x90\x01\x00WAVEfmt ", "WAV", true},
		{"RF64\xff\xff\xff\xffWAVEds64", "WAV", true},
		{"RIFF\x24\x90\x01\x00AVI LIST", "AVI", true},
		{"ID3\x04\x00", "MP3", true},
		{"\xff\xfb\x90\x64", "MP3", true},
		{"\xff\xf3\x40\xc4", "MP3", true},
		{"\xff\xf1\x50\x80", "AAC", true},
		{"\xff\xff\xff\xff", "", false},
		{"OggS\x00\x02", "Ogg", true},
		{"fLaC\x00\x00\x00\x22", "FLAC", true},
		{"\x00\x00\x00\x20ftypM4A ", "MP4", true},
		{"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "WebM", true},
		{"FORM\x00\x01\x00\x00AIFFCOMM", "AIFF", true},
		{"#!AMR-WB\n", "AMR", true},
		{"PK\x03\x04\x14\x00", "a ZIP archive", false},
		{"<!DOCTYPE html><html>", "HTML", false},
		{"\ufeff\n <HTML lang=en>", "HTML", false},
		{"<?xml version=\"1.0\"?>", "XML", false},
		{`{"error": "not found"}`, "JSON", false},
		{"version https://git-lfs.github.com/spec/v1\n", "text", false},
		{"开放时间早上九点至下午五点。"[:20], "text", false},
		{"\x00\x00\x00\x00\x00\x00", "", false},
		{"abc\x00def", "", false},
		{"\xe5\xe5\xe5\xe5", "", false},
	}
	for _, test := range tests {
		got := audio.Sniff([]byte(test.head))
		if got.Name != test.want || got.Sound != test.sound {
			t.Errorf("%q: %+v, want %q, sound %v", test.head, got, test.want, test.sound)
		}
	}
}

func TestMono(t *testing.T) {
	tests := []struct {
		samples  []float32
		channels int
		want     []float32
	}{
		{nil, 2, nil},
		{[]float32{1, 0.5}, 1, []float32{1, 0.5}},
		{[]float32{1, 0, -1, -0.5}, 2, []float32{0.5, -0.75}},
		{[]float32{0.25, 0.5, 0.75, 1, 1, 1}, 3, []float32{0.5, 1}},
	}
	for _, test := range tests {
		if got := audio.Mono(make([]float32, 8), test.samples, test.channels); !slices.Equal(got, test.want) {
			t.Errorf("%v of %d channels: %v, want %v", test.samples, test.channels, got, test.want)
		}
		if got := audio.Mono(test.samples, test.samples, test.channels); !slices.Equal(got, test.want) {
			t.Errorf("in place, %d channels: %v, want %v", test.channels, got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	err := error(&audio.FormatError{Format: "wav", Offset: 24, Err: io.ErrUnexpectedEOF, Hint: "try again"})
	if got, want := err.Error(), "wav: byte 24: unexpected EOF; try again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the reason is not unwrapped")
	}
	if got, want := (&audio.TooLongError{Limit: 480000}).Error(), "the recording is longer than 30 s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("RIFF\x24\x90\x01\x00WAVEfmt "))
	f.Fuzz(func(_ *testing.T, head []byte) { audio.Sniff(head) })
}
