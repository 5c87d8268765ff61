package modelstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sensevoice/internal/feature"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/token"
	"sensevoice/internal/weights"
)

// DefaultName is the model that is used, if it has been pulled, when none is named.
const DefaultName = "sensevoice-small"

// Open opens a model by what a user calls it: synthetic:small or synthetic:micro, [EmbeddedName], a name in the store, or the path
// of a model file or of a folder that holds one. "" is [DefaultName], or the embedded model where that has not been
// pulled. Nothing is ever downloaded.
func (s *Store) Open(name string) (*Model, error) {
	switch {
	case name == "":
		return s.openDefault()
	case name == EmbeddedName:
		return openEmbedded()
	case strings.HasPrefix(name, "synthetic:"):
		return openSynthetic(name)
	}
	e, err := s.Get(name)
	if err == nil {
		return openPath(e.Name, e.Dir)
	}
	if _, here := os.Stat(name); here == nil {
		return openPath(name, name)
	}
	if _, known := Lookup(name); known || checkName(name) == nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, fmt.Errorf("no model %q: neither in the store (sensevoice model list) nor a file or folder, nor one of %s, %s",
		name, EmbeddedName, strings.Join(sensevoice.SyntheticNames, ", "))
}

func (s *Store) openDefault() (*Model, error) {
	e, err := s.Get(DefaultName)
	if errors.Is(err, fs.ErrNotExist) {
		return openEmbedded()
	}
	if err != nil {
		return nil, err
	}
	return openPath(e.Name, e.Dir)
}

func openPath(name, path string) (*Model, error) {
	file, err := locate(path)
	if err != nil {
		return nil, err
	}
	w, err := weights.Open(file)
	if err != nil {
		return nil, err
	}
	m, err := newModel(name, w, filepath.Dir(file))
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return m, nil
}

// openSynthetic gives the made-up model a vocabulary of made-up words and a normalisation that changes nothing.
func openSynthetic(name string) (*Model, error) {
	w, err := sensevoice.Synthetic(name)
	if err != nil {
		return nil, err
	}
	head, _ := w.Tensor("ctc.ctc_lo.weight")
	pieces := make([]string, head.Shape[0])
	for id := range pieces {
		pieces[id] = fmt.Sprintf("▁t%d", id)
	}
	vocabulary, err := token.New(pieces)
	if err != nil {
		return nil, err
	}
	embed, _ := w.Tensor("embed.weight")
	width := embed.Shape[1]
	cmvn := &feature.CMVN{Shift: make([]float32, width), Scale: slices.Repeat([]float32{1}, width)}
	return &Model{Name: name, Weights: w, CMVN: cmvn, Vocabulary: vocabulary}, nil
}

// weightFiles are the names that weights have in a model folder, the preferred first.
var weightFiles = []string{"model.safetensors", "*.safetensors", "model.pt", "*.pt", "*.gguf"}

// locate finds the weights that a path means.
func locate(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return path, nil
	}
	for _, pattern := range weightFiles {
		found, err := filepath.Glob(filepath.Join(escapeGlob(path), pattern))
		if err != nil {
			return "", err
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("%s holds %d files %s: name the one you mean", path, len(found), pattern)
		}
	}
	return "", fmt.Errorf("%s holds no model: none of %s", path, strings.Join(weightFiles, ", "))
}
