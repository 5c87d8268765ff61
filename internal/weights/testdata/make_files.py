"""Writes the model files of this folder. Needs torch; the committed ones were made with 1.13."""
import io
import json
import os
import struct
import zipfile

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHT = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4 - 0.5


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)


def saved(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def records(checkpoint):
    with zipfile.ZipFile(io.BytesIO(checkpoint)) as z:
        return {i.filename: z.read(i) for i in z.infolist()}


def archive(entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as z:
        for name, data in entries.items():
            z.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


def edited(checkpoint, changes):
    """The same records, with some replaced, added, or removed by None."""
    entries = {**records(checkpoint), **changes}
    return archive({name: data for name, data in entries.items() if data is not None})


class System:
    def __reduce__(self):
        return os.system, ("true",)


def good_checkpoints():
    module = nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(WEIGHT)
        module.bias.copy_(WEIGHT[:, 0])
    write("module_state_dict.pt", saved(module.state_dict()))  # an OrderedDict with _metadata
    write("nested_state_dict.pt", saved({"epoch": 3, "lr": 0.5, "model": {"state_dict": {"w": WEIGHT, "steps": 7}}}))
    write("parameter.pt", saved({"w": nn.Parameter(WEIGHT)}))
    write("half.pt", saved({"w": WEIGHT.half()}))
    write("bfloat16.pt", saved({"w": WEIGHT.bfloat16()}))
    write("integers.pt", saved({"i8": torch.tensor([-1, 2], dtype=torch.int8), "u8": torch.tensor([255], dtype=torch.uint8),
                                "i32": torch.tensor([[-3]], dtype=torch.int32), "i64": torch.tensor(-4), "w": WEIGHT}))
    write("shared_storage.pt", saved({"w": WEIGHT, "row": WEIGHT[1], "tied": WEIGHT}))
    write("protocol_4.pt", saved({"w": WEIGHT}, pickle_protocol=4))


def bad_checkpoints():
    plain = saved({"w": WEIGHT})
    program = records(plain)["archive/data.pkl"]
    cases = {
        "pickle_calls_os_system": saved({"w": WEIGHT, "x": System()}),
        "pickle_is_a_module": saved(nn.Linear(1, 1)),
        "pickle_is_a_list": saved([WEIGHT]),
        "pickle_is_truncated": edited(plain, {"archive/data.pkl": program[:-9]}),
        "pickle_sets_state_of_a_tensor": edited(plain, {"archive/data.pkl": program[:-2] + b"}b."}),
        "no_tensors": saved({"epoch": 3}),
        "not_contiguous": saved({"w": WEIGHT.t()}),
        "double_precision": saved({"w": WEIGHT.double()}),
        "legacy_format": saved({"w": WEIGHT}, _use_new_zipfile_serialization=False),
        "storage_is_missing": edited(plain, {"archive/data/0": None}),
        "storage_is_short": edited(plain, {"archive/data/0": b"\0" * 20}),
        "tensor_outside_storage": edited(plain, {"archive/data.pkl": program.replace(b"QK\0K\2K\3", b"QK\1K\2K\3")}),
        "big_endian": edited(plain, {"archive/byteorder": b"big"}),
        "compressed": archive(records(plain), zipfile.ZIP_DEFLATED),
        "not_a_checkpoint": archive({"readme.txt": b"hello"}),
        "truncated": plain[:-100],
    }
    for name, data in cases.items():
        write(name + ".bad.pt", data)


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def gguf(tensors, keys=b"", key_count=0, version=3, data=b"\0" * 64):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), key_count) + keys
    for name, dims, kind, offset in tensors:
        head += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims)
        head += struct.pack("<IQ", kind, offset)
    return head + b"\0" * (-len(head) % 32) + data


def bad_gguf():
    w = ("w", [3, 2], 0, 0)
    good = gguf([w])
    write("truncated_directory.bad.gguf", good[:40])
    write("truncated_data.bad.gguf", good[:-50])
    write("version_1.bad.gguf", gguf([w], version=1))
    write("big_endian.bad.gguf", gguf([w], version=3 << 24))
    write("type_q4_k.bad.gguf", gguf([("w", [256, 2], 12, 0)]))
    write("type_unknown.bad.gguf", gguf([("w", [3, 2], 77, 0)]))
    write("tensor_count.bad.gguf", good[:8] + struct.pack("<Q", 1 << 62) + good[16:])
    write("key_count.bad.gguf", good[:16] + struct.pack("<Q", 60000) + good[24:])
    write("shape_overflows.bad.gguf", gguf([("w", [1 << 40, 1 << 40], 0, 0)]))
    write("five_dimensions.bad.gguf", gguf([("w", [1] * 5, 0, 0)]))
    write("q8_0_row_of_33.bad.gguf", gguf([("w", [33, 1], 8, 0)]))
    write("tensors_overlap.bad.gguf", gguf([("a", [9], 0, 0), ("b", [3], 0, 32)]))
    write("tensor_twice.bad.gguf", gguf([w, ("w", [3], 0, 32)]))
    write("tensor_misaligned.bad.gguf", gguf([("w", [3], 0, 4)]))
    write("tensor_without_name.bad.gguf", gguf([("", [3], 0, 0)]))
    key = text("k") + struct.pack("<IB", 7, 1)
    write("key_twice.bad.gguf", gguf([w], key + key, 2))
    write("bool_is_2.bad.gguf", gguf([w], text("k") + struct.pack("<IB", 7, 2), 1))
    write("string_too_long.bad.gguf", gguf([w], text("k") + struct.pack("<IQ", 8, 1 << 60), 1))
    write("array_too_long.bad.gguf", gguf([w], text("k") + struct.pack("<IIQ", 9, 4, 1 << 60), 1))
    write("array_of_arrays.bad.gguf", gguf([w], text("k") + struct.pack("<IIQIQ", 9, 9, 1, 4, 0), 1))
    write("value_type_unknown.bad.gguf", gguf([w], text("k") + struct.pack("<IQ", 13, 0), 1))
    write("alignment_is_3.bad.gguf", gguf([w], text("general.alignment") + struct.pack("<II", 4, 3), 1))
    write("name_not_utf8.bad.gguf", good.replace(text("w"), struct.pack("<Q", 1) + b"\xff"))


def safetensors(header, data=b"\0" * 24):
    header = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(header)) + header.encode() + data


def bad_safetensors():
    def one(shape=(2, 3), dtype="F32", offsets=(0, 24), **more):
        return {"w": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}}

    entry = json.dumps(one()["w"])
    good = safetensors(one())
    cases = {
        "header_length": struct.pack("<Q", 1 << 39) + good[8:],
        "header_beyond_file": struct.pack("<Q", 1 << 20) + good[8:],
        "header_truncated": struct.pack("<Q", 20) + good[8:],
        "header_followed_by_text": safetensors(json.dumps(one()) + "x"),
        "header_not_utf8": good.replace(b'"w"', b'"\xff"'),
        "data_truncated": good[:-4],
        "data_too_long": good + b"\0" * 4,
        "data_with_hole": safetensors({**one((2,), offsets=(0, 8)), "v": one((2,), offsets=(16, 24))["w"]}),
        "name_twice": safetensors('{"w":%s,"w":%s}' % (entry, entry)),
        "key_twice": safetensors('{"w":{"dtype":"F32","dtype":"F32"}}'),
        "key_unknown": safetensors(one(strides=[3, 1])),
        "key_in_capitals": safetensors('{"w":{"DTYPE":"F32"}}'),
        "key_missing": safetensors({"w": {"dtype": "F32", "shape": [6]}}),
        "type_f64": safetensors(one((3,), dtype="F64")),
        "size_differs": safetensors(one((2, 2))),
        "shape_overflows": safetensors(one((1 << 40, 1 << 40))),
        "shape_negative": safetensors(one((-2, -3))),
        "shape_fractional": safetensors(one((2.5, 3))),
        "shape_too_deep": safetensors(one((1,) * 9)),
        "offsets_reversed": safetensors(one(offsets=(24, 0))),
        "tensors_overlap": safetensors({**one(), "v": one((2,), offsets=(16, 24))["w"]}),
        "metadata_number": safetensors({"__metadata__": {"n": 1}, **one()}),
        "name_empty": safetensors({"": one()["w"]}),
    }
    for name, data in cases.items():
        write(name + ".bad.safetensors", data)


def strangers():
    write("empty.bad.bin", b"")
    write("web_page.bad.bin", b"<!DOCTYPE html><title>404</title>")
    write("git_lfs_pointer.bad.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    write("gzip.bad.bin", b"\x1f\x8b\x08\x00")
    write("noise.bad.bin", b"no model at all")


if __name__ == "__main__":
    for make in (good_checkpoints, bad_checkpoints, bad_gguf, bad_safetensors, strangers):
        make()
