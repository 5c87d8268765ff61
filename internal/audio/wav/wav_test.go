package wav_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sensevoice/internal/audio"
	"sensevoice/internal/audio/source"
	"sensevoice/internal/audio/wav"
)

// file builds a WAV file from the parts that a test changes.
type file struct {
	magic    string
	chunks   []byte // between fmt and data
	tag      uint16
	channels uint16
	rate     uint32
	align    uint16
	bits     uint16
	fmtRest  []byte
	dataSize uint32
	data     []byte
}

// valid is two samples, 0.5 and -0.5, in 16 bits, mono, at 16 kHz.
func valid() file {
	return file{magic: "RIFF", tag: 1, channels: 1, rate: 16000, align: 2, bits: 16, dataSize: 4, data: []byte{0, 0x40, 0, 0xc0}}
}

func (f file) bytes() []byte {
	le := binary.LittleEndian
	body := append([]byte("WAVE"), chunk("fmt ", f.formatBody())...)
	body = append(body, f.chunks...)
	body = append(body, "data"...)
	body = le.AppendUint32(body, f.dataSize)
	body = append(body, f.data...)
	return append(le.AppendUint32([]byte(f.magic), uint32(len(body))), body...)
}

func (f file) formatBody() []byte {
	le := binary.LittleEndian
	body := le.AppendUint16(nil, f.tag)
	body = le.AppendUint16(body, f.channels)
	body = le.AppendUint32(body, f.rate)
	body = le.AppendUint32(body, f.rate*uint32(f.align))
	body = le.AppendUint16(body, f.align)
	body = le.AppendUint16(body, f.bits)
	return append(body, f.fmtRest...)
}

func chunk(id string, body []byte) []byte {
	head := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	padded := append(head, body...)
	if len(body)%2 == 1 {
		padded = append(padded, 0)
	}
	return padded
}

// ds64 is the chunk that holds the sizes of an RF64 file.
func ds64(dataSize uint64) []byte {
	body := make([]byte, 28)
	binary.LittleEndian.PutUint64(body[8:], dataSize)
	return chunk("ds64", body)
}

func extensible(tag uint16, tail string) []byte {
	rest := append([]byte{22, 0, 16, 0, 0, 0, 0, 0}, byte(tag), byte(tag>>8))
	return append(rest, tail...)
}

const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

func with(change func(*file)) []byte {
	f := valid()
	change(&f)
	return f.bytes()
}

func TestDecode(t *testing.T) {
	want := []float32{0.5, -0.5}
	tests := []struct {
		name string
		data []byte
		want []float32
	}{
		{"plain", valid().bytes(), want},
		{"list before data", with(func(f *file) { f.chunks = chunk("LIST", make([]byte, 100)) }), want},
		{"odd chunk is padded", with(func(f *file) { f.chunks = chunk("JUNK", make([]byte, 7)) }), want},
		{"empty chunk", with(func(f *file) { f.chunks = chunk("fact", nil) }), want},
		{"chunk after data", append(valid().bytes(), chunk("LIST", make([]byte, 100))...), want},
		{"size 0", with(func(f *file) { f.dataSize = 0 }), want},
		{"size unknown", with(func(f *file) { f.dataSize = math.MaxUint32 }), want},
		{"size of a piping sox", with(func(f *file) { f.dataSize = 0x7ffff000 }), want},
		{"size inside a sample", with(func(f *file) { f.dataSize = 3 }), want[:1]},
		{"cut inside a sample", with(func(f *file) { f.data = f.data[:3] }), want[:1]},
		{"RF64", with(func(f *file) { f.magic, f.chunks, f.dataSize = "RF64", ds64(2), math.MaxUint32 }), want[:1]},
		{"RF64 of unknown size", with(func(f *file) { f.magic, f.chunks, f.dataSize = "RF64", ds64(0), math.MaxUint32 }), want},
		{"RF64 of impossible size", with(func(f *file) { f.magic, f.chunks, f.dataSize = "RF64", ds64(math.MaxUint64), math.MaxUint32 }), want},
		{"long fmt", with(func(f *file) { f.fmtRest = make([]byte, 100) }), want},
		{"extensible", with(func(f *file) { f.tag, f.fmtRest = 0xfffe, extensible(1, guidTail) }), want},
		{"stereo", with(func(f *file) { f.channels, f.align, f.data[3] = 2, 4, 0 }), []float32{0.25}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole":            bytes.NewReader(test.data),
				"one byte":         iotest.OneByteReader(bytes.NewReader(test.data)),
				"data and the end": iotest.DataErrReader(bytes.NewReader(test.data)),
			} {
				got, err := wav.Decode(r, 2)
				if err != nil || !slices.Equal(got, test.want) {
					t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
				}
			}
		})
	}
}

func TestReadGivesWholeFrames(t *testing.T) {
	f := valid()
	f.channels, f.align, f.dataSize = 2, 4, 12
	f.data = []byte{0, 0x10, 0, 0x20, 0, 0x30, 0, 0x40, 0, 0x50, 0, 0x60}
	r, err := wav.NewReader(source.New(t.Context(), bytes.NewReader(f.bytes()), 0))
	if err != nil {
		t.Fatal(err)
	}
	want := audio.Info{Name: "WAV", Rate: 16000, Channels: 2, Duration: 3 * time.Second / 16000}
	if r.Info() != want {
		t.Errorf("%+v, want %+v", r.Info(), want)
	}
	if _, err := r.Read(make([]float32, 1)); err != io.ErrShortBuffer {
		t.Errorf("room for half a frame: %v", err)
	}
	var got []float32
	for {
		part := make([]float32, 3)
		n, err := r.Read(part)
		if err == io.EOF && n == 0 {
			break
		}
		if err != nil || n != 2 {
			t.Fatalf("read %d, %v", n, err)
		}
		got = append(got, part[:n]...)
	}
	if !slices.Equal(got, []float32{0.125, 0.25, 0.375, 0.5, 0.625, 0.75}) {
		t.Errorf("got %v", got)
	}
	if n, err := r.Read(make([]float32, 2)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
}

// TestReadDoesNotWait: of a live stream, Read returns what has come.
func TestReadDoesNotWait(t *testing.T) {
	f := valid()
	f.dataSize, f.data = math.MaxUint32, make([]byte, 100)
	header, writer := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := writer.Write(f.bytes())
		done <- err
	}()
	r, err := wav.NewReader(source.New(t.Context(), header, 0))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]float32, 1000)); n == 0 || err != nil {
		t.Errorf("%d samples, %v", n, err)
	}
	header.Close()
	<-done
}

func TestStreamErrorsAreKept(t *testing.T) {
	data := valid().bytes()
	for _, broken := range []error{errors.New("reset by peer"), io.ErrUnexpectedEOF} {
		for _, length := range []int{0, 6, 20, 40, 44, 45, 46} {
			r := io.MultiReader(bytes.NewReader(data[:length]), iotest.ErrReader(broken))
			_, err := wav.Decode(r, 10)
			var format *audio.FormatError
			if !errors.Is(err, broken) || errors.As(err, &format) {
				t.Errorf("broken after %d bytes: %v, want %v as it is", length, err, broken)
			}
		}
	}
	stuck := io.MultiReader(bytes.NewReader(data[:44]), stuckReader{})
	if _, err := wav.Decode(stuck, 10); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("reads of nothing: %v", err)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestEndlessStreams(t *testing.T) {
	f := valid()
	f.dataSize = math.MaxUint32
	sound := &endless{head: f.bytes()}
	_, err := wav.Decode(sound, 50_000)
	var tooLong *audio.TooLongError
	if !errors.As(err, &tooLong) || tooLong.Limit != 50_000 || sound.given > 1<<18 {
		t.Errorf("sound: %v after %d bytes", err, sound.given)
	}
	header := &endless{head: f.bytes()[:36]} // zeros: chunks without a name, of no size
	_, err = wav.Decode(header, 50_000)
	if err == nil || !strings.Contains(err.Error(), "no data chunk in the first 16 MiB") || header.given > 17<<20 {
		t.Errorf("header: %v after %d bytes", err, header.given)
	}
}

// endless gives its head, then zeros.
type endless struct {
	head  []byte
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	if e.given < len(e.head) {
		copy(p, e.head[e.given:])
	}
	e.given += len(p)
	return len(p), nil
}
