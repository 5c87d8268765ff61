package vad

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"sensevoice/internal/feature"
	"sensevoice/internal/kernel"
	"sensevoice/internal/weights"
)

// Model is the network. It does not change, so any number of detectors may share it, on any goroutines.
//
// Fields carry the checkpoint's names. As released, the layers are 400 → 140 → 250, four times
// 250 → 128 → 250 with a memory of 20 rows, and 250 → 140 → 248, of which output 0 is silence.
type Model struct {
	kernels    *kernel.Set
	front      *feature.Extractor
	cmvn       *feature.CMVN
	inLinear1  affine
	inLinear2  affine
	blocks     []block
	outLinear1 affine
	outLinear2 affine

	workspaces sync.Pool // of *workspace
}

// Open reads a model file, with its normalisation or the am.mvn beside it.
func Open(path string, kernels *kernel.Set) (m *Model, err error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	beside, err := readCMVN(filepath.Join(filepath.Dir(path), "am.mvn"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return New(f, beside, kernels)
}

func readCMVN(path string) (*feature.CMVN, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmvn, err := feature.ReadCMVN(f, feature.VAD.Width())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cmvn, nil
}

// New takes the network from a model file, which may be closed afterwards: 1.7 MB are copied. Layers may have other
// sizes than the released ones.
//
// The normalisation is that of the file's tensors cmvn.shift and cmvn.scale, if it has them, else the one given,
// which may be nil if there is none. Tensors that are missing, misshapen or not finite are an error.
func New(f *weights.File, cmvn *feature.CMVN, kernels *kernel.Set) (*Model, error) {
	m := &Model{kernels: kernels, front: feature.New(feature.VAD, nil), cmvn: cmvn}
	l := &loader{file: f}
	m.inLinear1 = l.affine("encoder.in_linear1", anySize, feature.VAD.Width())
	m.inLinear2 = l.affine("encoder.in_linear2", anySize, m.inLinear1.outputs)
	width := m.inLinear2.outputs
	for i := range l.blocks() {
		m.blocks = append(m.blocks, l.block(blockName(i), width))
	}
	m.outLinear1 = l.affine("encoder.out_linear1", anySize, width)
	m.outLinear2 = l.affine("encoder.out_linear2", anySize, m.outLinear1.outputs)
	if l.has("cmvn.shift") || l.has("cmvn.scale") {
		size := []int{feature.VAD.Width()}
		m.cmvn = &feature.CMVN{Shift: l.values("cmvn.shift", size), Scale: l.values("cmvn.scale", size)}
	}
	if err := m.check(l.err); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	m.workspaces.New = func() any { return newWorkspace(m) }
	return m, nil
}

// check finishes what the loader has begun.
func (m *Model) check(err error) error {
	switch {
	case err != nil:
		return err
	case m.outLinear2.outputs < 2:
		return errors.New("encoder.out_linear2 has 1 output: want silence and at least one more")
	case m.cmvn == nil:
		return errors.New("no normalisation in the file or beside it: put the released am.mvn into its folder")
	}
	return m.cmvn.Check(feature.VAD.Width())
}
