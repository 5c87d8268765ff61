package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/decode"
)

// Clip is a recording to send.
type Clip struct {
	Name     string
	File     []byte   // as it lies on disk, for HTTP
	Samples  []byte   // 16-bit little-endian, 16 kHz, one channel, for streams
	Texts    []string // any of which is right, without spaces and punctuation
	Known    bool     // the texts were given, and not learnt from the server
	Duration time.Duration
}

const (
	maxFile = 256 << 20
	maxClip = 30 * time.Minute
)

// ReadClip reads a recording of any format that is understood here.
func ReadClip(ctx context.Context, path string) (Clip, error) {
	c := Clip{Name: filepath.Base(path)}
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	if c.File, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err != nil {
		return c, err
	}
	if len(c.File) > maxFile {
		return c, fmt.Errorf("%s: larger than %d MiB", path, maxFile>>20)
	}
	if c.Samples, err = samples(ctx, c.File); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	c.Duration = lengthOf(c.Samples)
	return c, nil
}

func lengthOf(samples []byte) time.Duration {
	return time.Duration(len(samples)/2) * time.Second / audio.SampleRate
}

func samples(ctx context.Context, file []byte) ([]byte, error) {
	s, err := decode.Open(ctx, bytes.NewReader(file), decode.Options{MaxDuration: maxClip})
	if err != nil {
		return nil, err
	}
	var out []byte
	buffer := make([]float32, 4096)
	for {
		n, err := s.Read(buffer)
		for _, x := range buffer[:n] {
			v := int16(max(-32768, min(32767, x*32768)))
			out = append(out, byte(v), byte(uint16(v)>>8))
		}
		if errors.Is(err, io.EOF) {
			return out, s.Close()
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
}

// Expect sets the texts of clips from a list like testdata/clips.json: objects with "file" and either "text" or "woitn" and
// "withitn", the text in words and with figures. A clip that is not listed is an error.
func Expect(clips []Clip, list []byte) error {
	var known []struct{ File, Text, WoITN, WithITN string }
	if err := json.Unmarshal(list, &known); err != nil {
		return fmt.Errorf("list of texts: %w", err)
	}
	for i := range clips {
		c := &clips[i]
		for _, k := range known {
			if filepath.Base(k.File) != c.Name {
				continue
			}
			c.Known = true
			for _, text := range []string{k.Text, k.WoITN, k.WithITN} {
				if text != "" {
					c.Texts = append(c.Texts, normal(text))
				}
			}
			if len(c.Texts) == 0 {
				c.Texts = []string{""} // silence
			}
		}
		if !c.Known {
			return fmt.Errorf("list of texts: %s is not in it", c.Name)
		}
	}
	return nil
}

// normal is a text without what depends on where it was cut: spaces, punctuation, case, and tags.
func normal(text string) string {
	var out strings.Builder
	for text != "" {
		if strings.HasPrefix(text, "<|") {
			if _, rest, ok := strings.Cut(text, "|>"); ok {
				text = rest
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(text)
		if !unicode.IsSpace(r) && !unicode.IsPunct(r) {
			out.WriteRune(unicode.ToLower(r))
		}
		text = text[size:]
	}
	return out.String()
}
