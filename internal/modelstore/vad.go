package modelstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// VADName is the network that finds speech, if it has been pulled, when none is named.
const VADName = "fsmn-vad"

// LocateVAD returns the file of the network for voice detection that a user named: in the store, or the path of a model file or of a folder that
// holds one. "" is [VADName]. An empty path means the embedded one: it was named, or none was and VADName has not been pulled.
func (s *Store) LocateVAD(name string) (path string, err error) {
	if name == EmbeddedName {
		return "", nil
	}
	wanted := name
	if name == "" {
		wanted = VADName
	}
	e, err := s.Get(wanted)
	switch {
	case err == nil:
		return locate(e.Dir)
	case name == "" && errors.Is(err, fs.ErrNotExist):
		return "", nil
	case name == "":
		return "", err
	}
	if _, here := os.Stat(name); here == nil {
		return locate(name)
	}
	if _, known := Lookup(name); known || checkName(name) == nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return "", fmt.Errorf("no model %q for voice detection: neither in the store (sensevoice model list) nor a file or folder, nor %s", name, EmbeddedName)
}
