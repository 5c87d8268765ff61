package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Format is the kind of file that tensors came from.
type Format uint8

// The formats. Memory is that of tensors which came from no file (FromTensors).
const (
	PyTorch Format = iota + 1
	GGUF
	Safetensors
	Memory
)

// String returns the format's name.
func (f Format) String() string {
	switch f {
	case PyTorch:
		return "PyTorch"
	case GGUF:
		return "GGUF"
	case Safetensors:
		return "safetensors"
	case Memory:
		return "memory"
	default:
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
}

const (
	// maxHeader bounds what comes before the data of GGUF and safetensors; the bound is that of the
	// safetensors library. Vocabularies take a few megabytes.
	maxHeader = 100_000_000
	// maxTensors bounds the tensors of a file, and also the entries of a checkpoint's archive and of
	// GGUF's metadata. SenseVoiceSmall has 918 tensors.
	maxTensors = 1 << 16
)

// strangers are beginnings of files that are often found where a model should be.
var strangers = []struct{ prefix, message string }{
	{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", "a PyTorch checkpoint in the format " +
		"of before version 1.6: load it and save it again with a newer PyTorch"},
	{"version https://git-lfs", "a Git LFS pointer instead of the file: fetch the file with `git lfs pull`"},
	{"<", "a web page or XML instead of a model: the download went wrong"},
	{"\x1f\x8b", "gzip-compressed: decompress it first"},
	{"", "neither PyTorch, GGUF nor safetensors"},
}

// parse recognises a file by its content and reads what it says about its tensors. The format is
// given with an error too, unless it is the format that is unknown.
func parse(data []byte) (Format, []Tensor, map[string]any, error) {
	switch {
	case len(data) == 0:
		return 0, nil, nil, errorAt(-1, "the file is empty")
	case bytes.HasPrefix(data, []byte("PK")):
		tensors, err := readPyTorch(data)
		return PyTorch, tensors, map[string]any{}, err
	case bytes.HasPrefix(data, []byte(ggufMagic)):
		tensors, metadata, err := readGGUF(data)
		return GGUF, tensors, metadata, err
	case looksLikeSafetensors(data):
		tensors, metadata, err := readSafetensors(data)
		return Safetensors, tensors, metadata, err
	}
	for _, s := range strangers {
		if bytes.HasPrefix(data, []byte(s.prefix)) {
			return 0, nil, nil, errorAt(0, "%s", s.message)
		}
	}
	panic("unreachable: the last stranger is a prefix of everything")
}

// looksLikeSafetensors reports whether data begins with a length and a JSON object, the only marks
// that the format has. A length that is too long is for readSafetensors to refuse.
func looksLikeSafetensors(data []byte) bool {
	return len(data) > 8 && data[8] == '{' && binary.LittleEndian.Uint64(data) < 1<<40
}
