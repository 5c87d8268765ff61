package transcribe

import (
	"errors"

	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/vad"
)

// OpenVAD opens the network for voice detection by what a user calls it: a name in the store, a path, or "embedded". "" is the
// pulled fsmn-vad, or the embedded one where that has not been pulled. name tells which it is.
func OpenVAD(store *modelstore.Store, named string, kernels *kernel.Set) (m *vad.Model, name string, err error) {
	path, err := store.LocateVAD(named)
	switch {
	case err != nil:
		return nil, "", err
	case path != "":
		m, err = vad.Open(path, kernels)
		return m, path, err
	}
	w, err := modelstore.EmbeddedVAD()
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	m, err = vad.New(w, nil, kernels)
	return m, modelstore.EmbeddedName, err
}
