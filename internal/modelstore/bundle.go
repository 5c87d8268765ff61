// Package modelstore finds models: by name in the store that pull fills, by path, made in memory, or the
// one embedded in the program. A model is its weights with what lies beside them.
package modelstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sensevoice/internal/feature"
	"sensevoice/internal/token"
	"sensevoice/internal/weights"
)

// Model is a recogniser opened for use: all that turns features into text.
type Model struct {
	Name       string // as the user may ask for it again
	Weights    *weights.File
	CMVN       *feature.CMVN
	Vocabulary *token.Vocabulary
}

// Close unmaps the weights.
func (m *Model) Close() error { return m.Weights.Close() }

// sidecarLimit bounds what is read of a vocabulary or normalisation file: the released ones have less than 1 MB.
const sidecarLimit = 64 << 20

// newModel completes weights with the vocabulary and normalisation that they carry, or that lie in dir ("" for none).
func newModel(name string, w *weights.File, dir string) (*Model, error) {
	m := &Model{Name: name, Weights: w}
	outputs, inputs, err := m.sizes()
	if err != nil {
		return nil, err
	}
	if m.Vocabulary, err = vocabularyOf(w, dir); err != nil {
		return nil, err
	}
	if m.Vocabulary.Len() != outputs {
		return nil, fmt.Errorf("%s: the model has %d outputs, but the vocabulary %d pieces: they do not belong together", w.Path, outputs, m.Vocabulary.Len())
	}
	m.CMVN, err = cmvnOf(w, dir, inputs)
	return m, err
}

// sizes returns the numbers of outputs and of input features.
func (m *Model) sizes() (outputs, inputs int, err error) {
	for _, read := range []struct {
		name string
		at   int
		size *int
	}{{"ctc.ctc_lo.weight", 0, &outputs}, {"embed.weight", 1, &inputs}} {
		t, ok := m.Weights.Tensor(read.name)
		if !ok || len(t.Shape) != 2 {
			return 0, 0, notSenseVoice(m.Weights, read.name)
		}
		*read.size = t.Shape[read.at]
	}
	return outputs, inputs, nil
}

// notSenseVoice says what kind of model a file is instead, where that can be told.
func notSenseVoice(w *weights.File, missing string) error {
	kind := ""
	if _, vad := w.Tensor("encoder.in_linear1.linear.weight"); vad || w.Metadata["general.architecture"] == "fsmn-vad" {
		kind = " (it looks like FSMN-VAD, which finds speech but does not recognise it)"
	} else if architecture, ok := w.Metadata["general.architecture"].(string); ok {
		kind = fmt.Sprintf(" (its architecture is %q)", architecture)
	}
	return fmt.Errorf("%s: no matrix %s: not a SenseVoice model%s", w.Path, missing, kind)
}

// vocabularyOf takes the vocabulary from the file itself, else from beside it.
func vocabularyOf(w *weights.File, dir string) (*token.Vocabulary, error) {
	switch list := w.Metadata["sv.vocab"].(type) {
	case []string:
		return inFile(token.New(list))(w.Path)
	case string:
		var pieces []string
		if err := json.Unmarshal([]byte(list), &pieces); err != nil {
			return nil, fmt.Errorf("%s: sv.vocab: %w", w.Path, err)
		}
		return inFile(token.New(pieces))(w.Path)
	}
	if dir == "" {
		return nil, fmt.Errorf("%s: no vocabulary in the file (sv.vocab)", w.Path)
	}
	if found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "*.bpe.model")); len(found) > 0 {
		data, err := readLimited(found[0])
		if err != nil {
			return nil, err
		}
		return inFile(token.ReadSentencePiece(data))(found[0])
	}
	path := filepath.Join(dir, "tokens.txt")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no vocabulary beside it: put the released *.bpe.model (or tokens.txt) into %s", w.Path, dir)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return inFile(token.ReadTokens(f))(path)
}

// cmvnOf takes the normalisation from tensors, then from metadata, else from am.mvn in dir.
func cmvnOf(w *weights.File, dir string, width int) (*feature.CMVN, error) {
	cmvn := &feature.CMVN{Shift: numbers(w, "cmvn.shift"), Scale: numbers(w, "cmvn.scale")}
	mistaken := len(cmvn.Shift) == 1 // FunASR's exporter took <Splice>'s number for the shift, and the shift for the scale
	if len(cmvn.Shift) > 0 && !mistaken {
		if err := cmvn.Check(width); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Path, err)
		}
		return cmvn, nil
	}
	path := filepath.Join(dir, "am.mvn")
	f, err := os.Open(path)
	switch {
	case dir == "" || errors.Is(err, fs.ErrNotExist):
		return nil, missingCMVN(w, dir, mistaken)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	return inFile(feature.ReadCMVN(f, width))(path)
}

func missingCMVN(w *weights.File, dir string, mistaken bool) error {
	why := "no normalisation in the file or beside it"
	if mistaken {
		why = "the normalisation in the file is broken (cmvn.shift has 1 value: a known mistake of the exporter)"
	}
	if dir == "" {
		return fmt.Errorf("%s: %s", w.Path, why)
	}
	return fmt.Errorf("%s: %s: put the released am.mvn into %s; without it, words come out wrong", w.Path, why, dir)
}

// numbers finds float32 values among the tensors or in the metadata.
func numbers(w *weights.File, name string) []float32 {
	if t, ok := w.Tensor(name); ok && t.Elements() <= sidecarLimit {
		values := make([]float32, t.Elements())
		if t.Decode(values) == nil {
			return values
		}
	}
	values, _ := w.Metadata[name].([]float32)
	return values
}

// inFile puts a file's name before an error.
func inFile[T any](value *T, err error) func(path string) (*T, error) {
	return func(path string) (*T, error) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return value, nil
	}
}

func readLimited(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > sidecarLimit {
		return nil, fmt.Errorf("%s: %d bytes is too large for a vocabulary", path, info.Size())
	}
	return os.ReadFile(path)
}

// escapeGlob keeps a folder's name from being read as a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Precision says how the large matrices are stored: "f32", "f16", "q8_0".
func (m *Model) Precision() string {
	if t, ok := m.Weights.Tensor("ctc.ctc_lo.weight"); ok {
		return strings.ToLower(t.Type.String())
	}
	return "unknown"
}
