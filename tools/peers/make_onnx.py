"""Writes a full-size SenseVoice with synthetic weights as ONNX, with the metadata and tokens.txt that sherpa-onnx reads.

    python3 make_onnx.py [--int8] [--cmvn am.mvn] OUT_DIR

Needs torch, onnx and numpy (Debian: python3-torch python3-onnx) and 5 GB of memory; a minute.
"""

import argparse
import os
import re

import numpy as np
import onnx
import sensevoice
import torch
from onnx import TensorProto, helper, numpy_helper


def read_cmvn(path):
    """The shift and scale of an am.mvn file: its two bracketed vectors that are as wide as the features."""
    with open(path, encoding="ascii", errors="replace") as file:
        vectors = [block.split() for block in re.findall(r"\[([^\]]*)\]", file.read())]
    vectors = [vector for vector in vectors if len(vector) == sensevoice.INPUT]
    if len(vectors) != 2:
        raise SystemExit(f"{path}: {len(vectors)} vectors of {sensevoice.INPUT} numbers, want 2 (shift and scale)")
    return vectors


def metadata(shift, scale):
    """The keys that sherpa-onnx asks of a SenseVoice model (sherpa-onnx/csrc/offline-sense-voice-model.cc)."""
    keys = {
        "model_type": "sense_voice_ctc",
        "version": 2,
        "comment": "synthetic weights",
        "vocab_size": sensevoice.VOCABULARY,
        "lfr_window_size": 7,
        "lfr_window_shift": 6,
        "normalize_samples": 0,
        "neg_mean": ",".join(shift),
        "inv_stddev": ",".join(scale),
        "with_itn": sensevoice.WITH_ITN,
        "without_itn": sensevoice.WITHOUT_ITN,
    }
    return {**keys, **{f"lang_{name}": row for name, row in sensevoice.LANGUAGES.items()}}


def export(path, keys):
    """Writes the float32 model to path and returns it. Batch and time stay free, as in sherpa-onnx's own export."""
    inputs = {
        "x": torch.zeros(2, 100, sensevoice.INPUT),
        "x_length": torch.tensor([80, 100], dtype=torch.int32),
        "language": torch.tensor([0, 3], dtype=torch.int32),
        "text_norm": torch.tensor([14, 15], dtype=torch.int32),
    }
    axes = {name: {0: "N"} for name in [*inputs, "logits"]}
    axes["x"][1] = axes["logits"][1] = "T"
    torch.onnx.export(
        sensevoice.build(),
        tuple(inputs.values()),
        path,
        opset_version=13,
        input_names=list(inputs),
        output_names=["logits"],
        dynamic_axes=axes,
    )
    model = onnx.load(path)
    helper.set_model_props(model, {key: str(value) for key, value in keys.items()})
    onnx.save(model, path)
    return model


def quantised(weight, x, y):
    """The initializers and nodes of y = x · weight in int8: both sides uint8 with one scale a tensor.

    These are the nodes that ONNX Runtime's quantize_dynamic makes, which made sherpa-onnx's released int8 model.
    """
    values = numpy_helper.to_array(weight)
    low, high = min(values.min(), 0), max(values.max(), 0)
    scale = np.float32((high - low) / 255)
    zero = np.uint8(round(-low / scale))
    integers = np.clip(np.round(values / scale) + zero, 0, 255).astype(np.uint8)
    w = weight.name
    tensors = [numpy_helper.from_array(np.asarray(a), w + s) for a, s in ((integers, "_q"), (scale, "_s"), (zero, "_z"))]
    nodes = [
        helper.make_node("DynamicQuantizeLinear", [x], [y + "_q", y + "_s", y + "_z"]),
        helper.make_node("MatMulInteger", [y + "_q", w + "_q", y + "_z", w + "_z"], [y + "_sum"]),
        helper.make_node("Cast", [y + "_sum"], [y + "_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [y + "_s", w + "_s"], [y + "_scale"]),
        helper.make_node("Mul", [y + "_float", y + "_scale"], [y]),
    ]
    return tensors, nodes


def quantise(model):
    """Turns every product with a constant matrix into int8, in place."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        weight = weights.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None:
            nodes.append(node)
            continue
        tensors, made = quantised(weight, node.input[0], node.output[0])
        del weights[weight.name]
        weights.update({tensor.name: tensor for tensor in tensors})
        nodes += made
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(weights.values())


def write_tokens(path):
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"t{i} {i}\n" for i in range(sensevoice.VOCABULARY))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--int8", action="store_true", help="write model.int8.onnx too")
    parser.add_argument("--cmvn", metavar="PATH", help="normalise with this am.mvn; without it shift 0, scale 1")
    parser.add_argument("out", metavar="OUT_DIR")
    options = parser.parse_args()
    shift, scale = read_cmvn(options.cmvn) if options.cmvn else (["0"] * sensevoice.INPUT, ["1"] * sensevoice.INPUT)

    os.makedirs(options.out, exist_ok=True)
    write_tokens(f"{options.out}/tokens.txt")
    # Whoever finds a model may trust that it is whole: it gets its name last.
    part = f"{options.out}/model.part"
    model = export(part, metadata(shift, scale))
    os.replace(part, f"{options.out}/model.onnx")
    if options.int8:
        quantise(model)
        onnx.save(model, part)
        os.replace(part, f"{options.out}/model.int8.onnx")


if __name__ == "__main__":
    main()
