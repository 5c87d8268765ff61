package weights

import (
	"bytes"
	"slices"
	"strings"
)

// maxPickle bounds a checkpoint's pickle, which holds names and shapes but no data: SenseVoiceSmall's
// takes 0.1 MB.
const maxPickle = 16 << 20

// readPyTorch reads a checkpoint as torch.save has written it since version 1.6: a zip archive of one
// folder, with a pickle in data.pkl, storage number N in data/N, and nothing compressed.
func readPyTorch(data []byte) ([]Tensor, error) {
	archive, err := openZip(data)
	if err != nil {
		return nil, err
	}
	folder, err := checkpointFolder(archive)
	if err != nil {
		return nil, err
	}
	if order, place, found, err := archive.open(folder + "/byteorder"); err != nil {
		return nil, err
	} else if found && !bytes.Equal(order, []byte("little")) {
		return nil, errorAt(place, "byte order %q: only little is supported; save the checkpoint on another machine", brief(string(order)))
	}
	program, place, _, err := archive.open(folder + "/data.pkl")
	if err != nil {
		return nil, err
	}
	if len(program) > maxPickle {
		return nil, errorAt(place, "the pickle has %d bytes, at most %d are supported", len(program), maxPickle)
	}
	value, err := unpickle(program, place, func(key string) ([]byte, error) {
		data, _, found, err := archive.open(folder + "/data/" + key)
		if err == nil && !found {
			err = errorAt(place, "storage %q is not in the archive", brief(key))
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	return stateDict(value, place)
}

// checkpointFolder returns the folder that holds data.pkl; torch.save names it after the file.
func checkpointFolder(archive *zipArchive) (string, error) {
	var folders []string
	for name := range archive.entries {
		if folder, ok := strings.CutSuffix(name, "/data.pkl"); ok && !strings.Contains(folder, "/") {
			folders = append(folders, folder)
		}
	}
	switch len(folders) {
	case 0:
		return "", errorAt(-1, "a zip archive without data.pkl is not a PyTorch checkpoint")
	case 1:
		return folders[0], nil
	}
	slices.Sort(folders)
	return "", errorAt(-1, "data.pkl is in %d folders, %q and %q among them", len(folders), brief(folders[0]), brief(folders[1]))
}

// wrappers are the keys under which training programs put the state dict, beside epochs, optimizers
// and the like.
var wrappers = []string{"state_dict", "model_state_dict", "model"}

// stateDict finds the dictionary of tensors in what a pickle built, and leaves out its entries that
// are not tensors, such as counters and settings.
func stateDict(value any, place int64) ([]Tensor, error) {
	dict, ok := value.(*pickleDict)
	if !ok {
		return nil, errorAt(place, "the checkpoint is %s, not a dictionary of tensors: save model.state_dict()", kind(value))
	}
	// Each wrapper can stand inside the others once. The bound also ends on a dictionary that holds itself.
	for range wrappers {
		inner := dict.wrapped()
		if inner == nil {
			break
		}
		dict = inner
	}
	var tensors []Tensor
	for i, value := range dict.values {
		tensor, ok := value.(*Tensor)
		if !ok {
			continue
		}
		name, ok := dict.keys[i].(string)
		if !ok {
			return nil, errorAt(place, "a tensor's name is %s instead of a string", kind(dict.keys[i]))
		}
		named := *tensor
		named.Name = name
		tensors = append(tensors, named)
	}
	if len(tensors) == 0 {
		return nil, errorAt(place, "no tensors in the checkpoint: save model.state_dict()")
	}
	return tensors, nil
}

// wrapped returns the dictionary under one of the wrappers, or nil.
func (d *pickleDict) wrapped() *pickleDict {
	for _, wrapper := range wrappers {
		// From the back: as in Python, the last of equal keys counts.
		for i := len(d.keys) - 1; i >= 0; i-- {
			if d.keys[i] == wrapper {
				if inner, ok := d.values[i].(*pickleDict); ok {
					return inner
				}
				break
			}
		}
	}
	return nil
}
