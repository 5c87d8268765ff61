package weights

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
)

// File is the tensors of a model file. It may be used by several goroutines at once, except for Close.
type File struct {
	Path   string // or the name given to OpenBytes and FromTensors
	Format Format

	// Metadata holds what the file says beside its tensors. In GGUF, the key-values: uint8 to uint64,
	// int8 to int64, float32, float64, bool, string, and slices of these. In safetensors,
	// __metadata__: strings. In a PyTorch checkpoint, nothing. Never nil.
	Metadata map[string]any

	tensors []Tensor
	index   map[string]int // name -> place in tensors
	size    int64
	unmap   func() error // nil if there is no mapping, or no more
}

// Open maps a model file and reads its directory of tensors; the format is recognised by content. The
// errors are those of the operating system, and *FormatError.
//
// As with any mapping, a file that is made shorter while it is open brings the process down with
// SIGBUS at the next touch. Replace models by renaming over them, never in place.
func Open(path string) (*File, error) {
	// Asked before opening, since opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FormatError{File: path, Offset: -1, Err: errors.New("not a regular file: name the model file itself")}
	}
	handle, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	data, unmap, err := mapWhole(handle)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	f, err := OpenBytes(path, data)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	f.unmap = unmap
	return f, nil
}

// mapWhole maps a file of any size, including the empty one, which mmap refuses.
func mapWhole(handle *os.File) (data []byte, unmap func() error, err error) {
	info, err := handle.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch size := info.Size(); {
	case size == 0:
		return nil, func() error { return nil }, nil
	case size > math.MaxInt:
		return nil, nil, fmt.Errorf("%d bytes are more than this machine can address", size)
	default:
		return mapFile(handle, int(size))
	}
}

// OpenBytes reads a model file that is in memory already, such as an embedded one. The tensors are
// slices of data, which must not change while the File is in use. Errors are *FormatError, with name
// as the file.
func OpenBytes(name string, data []byte) (*File, error) {
	format, tensors, metadata, err := parse(data)
	if err != nil {
		return nil, inFile(name, format, err)
	}
	f := &File{Path: name, Format: format, Metadata: metadata, tensors: tensors, size: int64(len(data))}
	if err := f.buildIndex(); err != nil {
		return nil, inFile(name, format, err)
	}
	return f, nil
}

// FromTensors makes a File of tensors in memory, without copying their data. Errors are *FormatError:
// a name that is empty or used twice, or data that does not fit type and shape.
func FromTensors(name string, tensors []Tensor, metadata map[string]any) (*File, error) {
	if metadata == nil {
		metadata = map[string]any{}
	}
	f := &File{Path: name, Format: Memory, Metadata: metadata, tensors: slices.Clone(tensors)}
	for i := range tensors {
		f.size += int64(len(tensors[i].Data))
	}
	if err := f.buildIndex(); err != nil {
		return nil, inFile(name, Memory, err)
	}
	return f, nil
}

// buildIndex checks the tensors and indexes them by name.
func (f *File) buildIndex() error {
	f.index = make(map[string]int, len(f.tensors))
	for i := range f.tensors {
		t := &f.tensors[i]
		if t.Name == "" {
			return errors.New("a tensor has no name")
		}
		if err := t.check(); err != nil {
			return err
		}
		if _, twice := f.index[t.Name]; twice {
			return fmt.Errorf("two tensors are named %q", brief(t.Name))
		}
		f.index[t.Name] = i
	}
	return nil
}

// inFile makes a reader's error the FormatError of a file.
func inFile(name string, format Format, err error) error {
	offset := int64(-1)
	if place, ok := errors.AsType[*FormatError](err); ok {
		offset, err = place.Offset, place.Err
	}
	if format != 0 {
		err = fmt.Errorf("%v: %w", format, err)
	}
	return &FormatError{File: name, Offset: offset, Err: err}
}

// Tensor returns the tensor of that name. It belongs to the File and must not be changed.
func (f *File) Tensor(name string) (*Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return nil, false
	}
	return &f.tensors[i], true
}

// Names returns the names of all tensors, in the order of the file's directory.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i := range f.tensors {
		names[i] = f.tensors[i].Name
	}
	return names
}

// Size returns the bytes of the whole file, or of all the data for a File made by FromTensors.
func (f *File) Size() int64 { return f.size }

// Close gives the mapping back. Data of tensors that were handed out must not be touched afterwards;
// the File itself then has no tensors. Closing twice is fine.
func (f *File) Close() error {
	unmap := f.unmap
	f.unmap, f.tensors, f.index = nil, nil, nil
	if unmap == nil {
		return nil
	}
	return unmap()
}
