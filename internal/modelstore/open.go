package modelstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sensevoice/internal/sensevoice"
	"sensevoice/internal/token"
	"sensevoice/internal/weights"
)

// Open opens a model by what a user calls it: synthetic:small or synthetic:micro, or the path of a model file or of a folder
// that holds one.
func Open(name string) (*Model, error) {
	if strings.HasPrefix(name, "synthetic:") {
		return openSynthetic(name)
	}
	file, err := locate(name)
	if err != nil {
		return nil, err
	}
	w, err := weights.Open(file)
	if err != nil {
		return nil, err
	}
	m, err := newModel(name, w, filepath.Dir(file))
	if err != nil {
		w.Close()
		return nil, err
	}
	return m, nil
}

// openSynthetic gives the made-up model a vocabulary of made-up words and no normalisation.
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
	return &Model{Name: name, Weights: w, Vocabulary: vocabulary}, nil
}

// weightFiles are the names that weights have in a model folder, the preferred first.
var weightFiles = []string{"model.safetensors", "*.safetensors", "model.pt", "*.pt", "*.gguf"}

// locate finds the weights that a path means.
func locate(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("no model %q: neither a file or folder nor one of %s", path, strings.Join(sensevoice.SyntheticNames, ", "))
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
