"""Writes a trained checkpoint as safetensors with all that the program needs: export.py sensevoice|vad IN.pt OUT.safetensors

Matrices are stored in half precision, the rest in single. The metadata holds sizes, query rows and the vocabulary.
"""

import argparse
import json
import struct

import numpy as np
import torch

import words


def pack(tensors, metadata, path):
    """The safetensors format: a JSON header padded so that the data begins at a multiple of 64, then the data."""
    header, body, offset = {"__metadata__": metadata}, [], 0
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        raw = np.ascontiguousarray(array).tobytes()
        kind = {"float32": "F32", "float16": "F16"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(raw)]}
        body.append(raw)
        offset += len(raw)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(body))


def unpack(path):
    """What pack wrote: ({name: float32 tensor} of the network, shift, scale)."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    read = lambda entry: np.frombuffer(body[slice(*entry["data_offsets"])], {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
    tensors = {name: torch.from_numpy(read(entry).astype(np.float32)).reshape(entry["shape"]) for name, entry in header.items()
               if name != "__metadata__"}
    shift, scale = tensors.pop("cmvn.shift"), tensors.pop("cmvn.scale")
    return tensors, shift, scale


def stored(name, tensor):
    matrix = tensor.dim() == 2
    return tensor.numpy().astype(np.float16 if matrix else np.float32)


def sensevoice_metadata(state):
    width, inputs = state["encoder.encoders0.0.self_attn.linear_out.weight"].shape[0], state["embed.weight"].shape[1]
    count = lambda prefix: len({name.split(".")[2] for name in state if name.startswith(prefix)})
    sizes = {
        "sv.input_size": inputs, "sv.output_size": width, "sv.attention_heads": 4, "sv.num_blocks": 1 + count("encoder.encoders."),
        "sv.tp_blocks": count("encoder.tp_encoders."), "sv.kernel_size": state["encoder.encoders0.0.self_attn.fsmn_block.weight"].shape[2],
        "sv.vocab_size": state["ctc.ctc_lo.weight"].shape[0], "sv.blank_id": 0,
    }
    return {
        "general.architecture": "sensevoice-small", **{key: str(value) for key, value in sizes.items()},
        "sv.query_tokens": json.dumps(words.QUERIES), "sv.vocab": json.dumps(words.vocabulary(), ensure_ascii=False),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["sensevoice", "vad"])
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    options = parser.parse_args()
    checkpoint = torch.load(options.checkpoint, map_location="cpu")
    state = checkpoint["net"]
    metadata = sensevoice_metadata(state) if options.kind == "sensevoice" else {"general.architecture": "fsmn-vad"}
    metadata["general.license"] = "CC-BY-SA-4.0"
    metadata["general.source"] = "tools/train; Free Spoken Digit Dataset (CC BY-SA 4.0) and espeak-ng speech"
    tensors = {name: stored(name, tensor) for name, tensor in state.items()}
    tensors["cmvn.shift"], tensors["cmvn.scale"] = (checkpoint[key].numpy().astype(np.float32) for key in ("shift", "scale"))
    pack(tensors, metadata, options.out)


if __name__ == "__main__":
    main()
