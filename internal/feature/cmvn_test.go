package feature_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sensevoice/internal/feature"
)

const nnet = `<Nnet> 
<Splice> 2 2
[ 0 ]
<AddShift> 2 2 
<LearnRateCoef> 0 [ -8.5 -9.25 ]
<Rescale> 2 2
<LearnRateCoef> 0 [ 0.5 1e-1 ]
</Nnet> 
`

func TestReadCMVN(t *testing.T) {
	for name, text := range map[string]string{
		"as released":      nnet,
		"no last newline":  strings.TrimSpace(nnet),
		"carriage returns": strings.ReplaceAll(nnet, "\n", "\r\n"),
		"one line":         strings.ReplaceAll(nnet, "\n", " "),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := feature.ReadCMVN(iotest.OneByteReader(strings.NewReader(text)), 2)
			if err != nil {
				t.Fatal(err)
			}
			if got.Shift[0] != -8.5 || got.Shift[1] != -9.25 || got.Scale[0] != 0.5 || got.Scale[1] != 0.1 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestReadCMVNOfReleasedModels(t *testing.T) {
	speech, vad := readCMVN(t, 560, "am.mvn"), readCMVN(t, 400, "fsmn-vad", "am.mvn")
	if speech.Shift[0] != -8.311879 || speech.Scale[559] != 0.1509654 {
		t.Errorf("speech: shift begins with %v, scale ends with %v", speech.Shift[0], speech.Scale[559])
	}
	if vad.Shift[0] != -8.311879 || vad.Scale[0] != 0.155775 {
		t.Errorf("voice detection: begins with shift %v, scale %v", vad.Shift[0], vad.Scale[0])
	}
}

func TestReadCMVNRefuses(t *testing.T) {
	change := func(old, replacement string) string { return strings.Replace(nnet, old, replacement, 1) }
	tests := []struct{ name, text, want string }{
		{"empty", "", `cmvn: byte 0: end of file, want "<Nnet>"`},
		{"binary", "\x00Bgarbage", `cmvn: byte 0: "\x00Bgarbage", want "<Nnet>"`},
		{"long word", strings.Repeat("x", 99), `cmvn: byte 0: "` + strings.Repeat("x", 32) + `"…, want "<Nnet>"`},
		{"other model", change("<Splice> 2 2", "<Splice> 400 400"), `cmvn: byte 17: <Splice> has 400 columns, want 2: is this the file of another model?`},
		{"one width off", change("<Rescale> 2 2", "<Rescale> 2 3"), `cmvn: byte 88: <Rescale> has 3 columns, want 2: is this the file of another model?`},
		{"width missing", change("<Rescale> 2 2", "<Rescale> ["), `cmvn: byte 86: "[", want the width of <Rescale>`},
		{"real splice", change("[ 0 ]", "[ -1 0 1 ]"), `cmvn: byte 23: "-1", want "0"`},
		{"no splice", change("<Splice> 2 2\n[ 0 ]\n", ""), `cmvn: byte 8: "<AddShift>", want "<Splice>"`},
		{"layers swapped", strings.NewReplacer("AddShift", "Rescale", "Rescale", "AddShift").Replace(nnet), `cmvn: byte 27: "<Rescale>", want "<AddShift>"`},
		{"too few values", change(" -9.25 ]", " ]"), `cmvn: byte 68: "]", want a number`},
		{"too many values", change("1e-1 ]", "1e-1 3 ]"), `cmvn: byte 119: "3", want "]"`},
		{"NaN", change("0.5", "nan"), `cmvn: byte 110: "nan" is not a finite number`},
		{"infinite", change("0.5", "-inf"), `cmvn: byte 110: "-inf" is not a finite number`},
		{"too large", change("0.5", "1e39"), `cmvn: byte 110: "1e39" is not a finite number`},
		{"cut in a number", nnet[:strings.Index(nnet, "9.25")], `cmvn: byte 68: "-", want a number`},
		{"cut before the end", strings.TrimSpace(strings.TrimSuffix(nnet, "</Nnet> \n")), `cmvn: byte 120: end of file, want "</Nnet>"`},
		{"another layer", nnet + "<Sigmoid>", `cmvn: byte 130: "<Sigmoid>", want end of file`},
		{"too long", nnet + strings.Repeat(" ", 1<<16), `cmvn: byte 4224: too long for a normalisation of 2 columns`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := feature.ReadCMVN(strings.NewReader(test.text), 2)
			var format *feature.FormatError
			if !errors.As(err, &format) || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestReadCMVNStopsReading(t *testing.T) {
	endless := &counter{r: endlessSpaces{}}
	if _, err := feature.ReadCMVN(endless, 560); err == nil || endless.n > 1<<17 {
		t.Errorf("error %v after %d bytes", err, endless.n)
	}
	broken := errors.New("broken pipe")
	_, err := feature.ReadCMVN(io.MultiReader(strings.NewReader(nnet[:20]), iotest.ErrReader(broken)), 2)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

type endlessSpaces struct{}

func (endlessSpaces) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func FuzzReadCMVN(f *testing.F) {
	f.Add([]byte(nnet))
	f.Add([]byte("<Nnet> <Splice> 2 2 [ 0 ] <AddShift> 2 2 <LearnRateCoef> 0 [ 0x1p-2 1_0 ]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cmvn, err := feature.ReadCMVN(bytes.NewReader(text), 2)
		if err != nil {
			return
		}
		if err := cmvn.Check(2); err != nil {
			t.Errorf("read what it would refuse: %v", err)
		}
	})
}
