// Package weights reads named tensors from model files: PyTorch checkpoints (model.pt), GGUF and
// safetensors. It also writes safetensors.
//
// A file is mapped into memory and never copied: a [Tensor] is a name, a type, a shape and a slice of
// the mapping, so opening a gigabyte costs kilobytes, and pages are read when they are first used.
// What it promises in return for not copying: the bytes are little-endian and row-major, as stored.
//
// Every file is untrusted. Sizes, offsets, counts and names are checked against the bytes that are
// there before anything is allocated for them, and whatever is wrong is a [FormatError] with the
// place and the reason. A PyTorch checkpoint is a pickle, which is a program; the reader here knows
// the few instructions that build dictionaries of tensors and refuses every other one by name.
//
// The formats are described at:
//   - PyTorch: torch/serialization.py and torch/_utils.py, Python's pickletools, PKWARE's APPNOTE.TXT
//   - GGUF: docs/gguf.md in the ggml repository
//   - safetensors: the "Format" section of the safetensors README
package weights
