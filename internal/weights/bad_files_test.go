package weights

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// badFiles gives the message for each file of testdata that is bad, after its name.
var badFiles = map[string]string{
	"empty.bad.bin":           "the file is empty",
	"git_lfs_pointer.bad.bin": "byte 0: a Git LFS pointer instead of the file: fetch the file with `git lfs pull`",
	"gzip.bad.bin":            "byte 0: gzip-compressed: decompress it first",
	"noise.bad.bin":           "byte 0: neither PyTorch, GGUF nor safetensors",
	"web_page.bad.bin":        "byte 0: a web page or XML instead of a model: the download went wrong",

	"big_endian.bad.pt":                    "PyTorch: byte order \"big\": only little is supported",
	"compressed.bad.pt":                    "PyTorch: zip: \"archive/data.pkl\" is compressed; torch.save stores without compression",
	"double_precision.bad.pt":              "PyTorch: pickle: a tensor is stored in a torch.DoubleStorage: convert it to float32",
	"legacy_format.bad.pt":                 "byte 0: a PyTorch checkpoint in the format of before version 1.6: load it and save it again",
	"no_tensors.bad.pt":                    "PyTorch: no tensors in the checkpoint: save model.state_dict()",
	"not_a_checkpoint.bad.pt":              "PyTorch: a zip archive without data.pkl",
	"not_contiguous.bad.pt":                "PyTorch: pickle: tensor: shape [3 2] with strides [1 3] is not contiguous",
	"pickle_calls_os_system.bad.pt":        "byte 237: PyTorch: pickle: refused to import \"posix.system\"",
	"pickle_is_a_list.bad.pt":              "PyTorch: the checkpoint is a list, not a dictionary of tensors",
	"pickle_is_a_module.bad.pt":            "PyTorch: pickle: refused to import \"torch.nn.modules.linear.Linear\"",
	"pickle_is_truncated.bad.pt":           "PyTorch: truncated: 1 bytes wanted, 0 left",
	"pickle_sets_state_of_a_tensor.bad.pt": "PyTorch: pickle: sets the state of a tensor",
	"storage_is_missing.bad.pt":            "PyTorch: storage \"0\" is not in the archive",
	"storage_is_short.bad.pt":              "PyTorch: pickle: storage \"0\" has 20 bytes instead of 6 elements of F32",
	"tensor_outside_storage.bad.pt":        "PyTorch: pickle: tensor: shape [2 3] at element 1 is outside its storage of 6",
	"truncated.bad.pt":                     "PyTorch: zip: no directory at the end of the file: truncated?",

	"alignment_is_3.bad.gguf":      "GGUF: general.alignment is 3 instead of a power of two",
	"array_of_arrays.bad.gguf":     "byte 33: GGUF: key \"k\": values of type 9 are not supported",
	"array_too_long.bad.gguf":      "GGUF: truncated: 1152921504606846976 array elements cannot be in the 111 bytes left",
	"big_endian.bad.gguf":          "byte 4: GGUF: big-endian byte order is not supported",
	"bool_is_2.bad.gguf":           "byte 37: GGUF: a bool is 2",
	"five_dimensions.bad.gguf":     "byte 33: GGUF: 5 dimensions, at most 4 are possible",
	"key_count.bad.gguf":           "byte 24: GGUF: truncated: 60000 keys cannot be in the 136 bytes left",
	"key_twice.bad.gguf":           "byte 38: GGUF: key \"k\" occurs twice",
	"name_not_utf8.bad.gguf":       "byte 32: GGUF: a string is not UTF-8",
	"q8_0_row_of_33.bad.gguf":      "GGUF: tensor \"w\": shape [1 33]: the last size of Q8_0 must be a multiple of 32",
	"shape_overflows.bad.gguf":     "shape [1099511627776 1099511627776] overflows",
	"string_too_long.bad.gguf":     "GGUF: truncated: 1152921504606846976 bytes wanted, 115 left",
	"tensor_count.bad.gguf":        "GGUF: 4611686018427387904 tensors, at most 65536 are supported",
	"tensor_misaligned.bad.gguf":   "GGUF: tensor \"w\": offset 4 is not a multiple of the alignment 32",
	"tensor_twice.bad.gguf":        "GGUF: two tensors are named \"w\"",
	"tensor_without_name.bad.gguf": "GGUF: a name of 0 bytes, 1 to 1024 are supported",
	"tensors_overlap.bad.gguf":     "byte 96: GGUF: tensors \"a\" and \"b\" overlap",
	"truncated_data.bad.gguf":      "GGUF: tensor \"w\": 24 bytes at offset 0 are not in the 14 bytes of data: truncated?",
	"truncated_directory.bad.gguf": "GGUF: truncated: 1 tensors cannot be in the 16 bytes left",
	"type_q4_k.bad.gguf":           "GGUF: tensor \"w\": type Q4_K is not supported",
	"type_unknown.bad.gguf":        "GGUF: tensor \"w\": type number 77 is not supported",
	"value_type_unknown.bad.gguf":  "GGUF: key \"k\": values of type 13 are not supported",
	"version_1.bad.gguf":           "byte 4: GGUF: version 1, only 2 and 3 are supported",

	"data_too_long.bad.safetensors":           "safetensors: the tensors end at byte 24 of the data, the file at 28",
	"data_truncated.bad.safetensors":          "safetensors: tensor \"w\": bytes 0 to 24 are not in the 20 bytes of data: truncated?",
	"data_with_hole.bad.safetensors":          "safetensors: bytes 8 to 16 before tensor \"v\" belong to no tensor",
	"header_beyond_file.bad.safetensors":      "byte 0: safetensors: a header of 1048576 bytes in a file of 97: truncated?",
	"header_followed_by_text.bad.safetensors": "safetensors: something other than spaces follows the header",
	"header_length.bad.safetensors":           "byte 0: safetensors: a header of 549755813888 bytes, at most 100000000",
	"header_not_utf8.bad.safetensors":         "byte 8: safetensors: the header is not UTF-8",
	"header_truncated.bad.safetensors":        "safetensors: tensor \"w\": header: unexpected EOF",
	"key_in_capitals.bad.safetensors":         "safetensors: tensor \"w\": unknown key \"DTYPE\"",
	"key_missing.bad.safetensors":             "safetensors: tensor \"w\": dtype, shape or data_offsets is missing",
	"key_twice.bad.safetensors":               "safetensors: tensor \"w\": \"dtype\" occurs twice",
	"key_unknown.bad.safetensors":             "safetensors: tensor \"w\": unknown key \"strides\"",
	"metadata_number.bad.safetensors":         "safetensors: a string was expected in the header",
	"name_empty.bad.safetensors":              "safetensors: a tensor has no name",
	"name_twice.bad.safetensors":              "safetensors: \"w\" occurs twice",
	"offsets_reversed.bad.safetensors":        "safetensors: tensor \"w\": bytes 24 to 0 are not in the 24 bytes of data",
	"shape_fractional.bad.safetensors":        "safetensors: tensor \"w\": \"2.5\" is not a size",
	"shape_negative.bad.safetensors":          "safetensors: tensor \"w\": \"-2\" is not a size",
	"shape_overflows.bad.safetensors":         "shape [1099511627776 1099511627776] overflows",
	"shape_too_deep.bad.safetensors":          "safetensors: tensor \"w\": more than 8 numbers in a list",
	"size_differs.bad.safetensors":            "safetensors: tensor \"w\": F32 of shape [2 2] takes 16 bytes, not the 24 from 0 to 24",
	"tensors_overlap.bad.safetensors":         "safetensors: tensors \"w\" and \"v\" overlap",
	"type_f64.bad.safetensors":                "safetensors: tensor \"w\": type \"F64\" is not supported",
}

func TestBadFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.bad.*")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != len(badFiles) {
		t.Errorf("%d bad files in testdata, %d in the table", len(paths), len(badFiles))
	}
	for name, want := range badFiles {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			f, err := Open(path)
			if err == nil {
				t.Fatalf("opened, with tensors %q", f.Names())
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("message is\n%v\nwithout\n%s", err, want)
			}
			if place, ok := errors.AsType[*FormatError](err); !ok || place.File != path {
				t.Errorf("%#v is not a FormatError of %s", err, path)
			}
		})
	}
}

// TestTruncated cuts good files everywhere: a part is never a whole, and never a panic.
func TestTruncated(t *testing.T) {
	for _, path := range []string{"testdata/nested_state_dict.pt", "testdata/protocol_4.pt"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for length := range data {
			if f, err := OpenBytes(path, data[:length]); err == nil {
				t.Errorf("%s: %d of %d bytes opened, with tensors %q", path, length, len(data), f.Names())
			}
		}
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
}
