"""Writes a GGUF file of random weights at a model's real shape, for llama.cpp. Knows no engine and no real weights.

The types are those of llama.cpp's own Q4_0 files: linear layers and embedding Q4_0, output Q6_K, the rest F32. The
tokenizer is a false one of the right size, whose every token is whole ASCII text: ids go in, and none holds back text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import BackendError
from bench.figures import Progress
from bench.weights.shapes import Shape

INSTALL = "pip install --no-deps -r requirements-bench.txt"
# Random blocks that all tensors are tiled from; a prime, so that no row begins where the one above it does.
POOL_BLOCKS = 99_991
# About 0.02 is the spread of a trained layer's weights; uniform nibbles spread by 4.6 steps.
NIBBLE_STEP = 0.0045
# The same for 6-bit values (18.5 steps) times 8-bit scales (74 steps).
SIXBIT_STEP = 0.02 / (18.5 * 74)


@dataclass(frozen=True)
class _Tensor:
    """A name in the file, a shape in numpy's order, and the kind of pool it is tiled from."""

    name: str
    shape: tuple[int, ...]
    kind: str = "Q4_0"


def random_gguf(shape: Shape, folder: Path, progress: Progress) -> Path:
    """The shape's file in `folder`, written if it is not there yet. Raises BackendError."""
    path = folder / f"{shape.id}-{shape.layers}-layers-random-q4_0.gguf"
    # It gets this name only when it is whole.
    if not path.exists():
        write_random_gguf(shape, path, progress)
    return path


def write_random_gguf(shape: Shape, path: Path, progress: Progress) -> None:
    """Writes the file, tensor by tensor. Raises BackendError if the library for it is missing or the disk is full."""
    gguf = _library()
    half = path.with_name(f"{path.name}.part")
    writer = gguf.GGUFWriter(half, "qwen" if shape.family == "qwen" else "chatglm")
    try:
        _write(gguf, writer, shape, progress)
        writer.close()
        half.replace(path)
    except OSError as error:
        raise BackendError("bench_failed", f"{path.name} cannot be written: {error.strerror}.") from error
    finally:
        half.unlink(missing_ok=True)


def _library() -> Any:
    try:
        import gguf
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    return gguf


def _write(gguf: Any, writer: Any, shape: Shape, progress: Progress) -> None:
    _add_metadata(gguf, writer, shape)
    _add_false_tokenizer(gguf, writer, shape.vocabulary)
    pools, tensors = _pools(), list(_tensors(shape))
    for tensor in tensors:
        kind = gguf.GGMLQuantizationType[tensor.kind]
        form = tensor.shape
        if tensor.kind != "F32":
            form = gguf.quant_shape_to_byte_shape(form, kind)
        bytes_each = 4 if tensor.kind == "F32" else 1
        dtype = np.dtype(np.float32 if tensor.kind == "F32" else np.uint8)
        writer.add_tensor_info(tensor.name, form, dtype, int(np.prod(form)) * bytes_each, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, tensor in enumerate(tensors):
        if number % 40 == 0:
            progress(f"Writing tensor {number} of {len(tensors)} of {shape.name} ...")
        writer.write_tensor_data(_values(gguf, pools, tensor))


def _add_metadata(gguf: Any, writer: Any, shape: Shape) -> None:
    writer.add_name(f"random weights of the shape of {shape.name}")
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    # llama.cpp keeps the original Qwen's own count of gate and up projection together.
    writer.add_feed_forward_length(shape.inner * (2 if shape.family == "qwen" else 1))
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_rope_dimension_count(shape.head_dim if shape.family == "qwen" else shape.head_dim // 2)
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_Q4_0))
    writer.add_quantization_version(int(gguf.GGML_QUANT_VERSION))


def _add_false_tokenizer(gguf: Any, writer: Any, size: int) -> None:
    # "Ċ" is how this kind of tokenizer writes a newline, which llama.cpp looks up as it loads.
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(["Ċ", "a", "b", "ab", *(f"t{number}" for number in range(4, size))])
    writer.add_token_types([int(gguf.TokenType.NORMAL)] * (size - 1) + [int(gguf.TokenType.CONTROL)])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(size - 1)
    writer.add_add_bos_token(False)


def _tensors(shape: Shape) -> Iterator[_Tensor]:
    """All of the model in the file's order; query, key and value lie together, as the two models have them."""
    wide = shape.heads * shape.head_dim
    yield _Tensor("token_embd.weight", (shape.vocabulary, shape.hidden))
    for number in range(shape.layers):
        layer = f"blk.{number}"
        yield _Tensor(f"{layer}.attn_norm.weight", (shape.hidden,), "F32")
        yield _Tensor(f"{layer}.attn_qkv.weight", (shape.qkv, shape.hidden))
        yield _Tensor(f"{layer}.attn_qkv.bias", (shape.qkv,), "F32")
        yield _Tensor(f"{layer}.attn_output.weight", (shape.hidden, wide))
        yield _Tensor(f"{layer}.ffn_norm.weight", (shape.hidden,), "F32")
        if shape.family == "qwen":
            yield _Tensor(f"{layer}.ffn_gate.weight", (shape.inner, shape.hidden))
            yield _Tensor(f"{layer}.ffn_up.weight", (shape.inner, shape.hidden))
        else:
            yield _Tensor(f"{layer}.ffn_up.weight", (2 * shape.inner, shape.hidden))
        yield _Tensor(f"{layer}.ffn_down.weight", (shape.hidden, shape.inner))
    yield _Tensor("output_norm.weight", (shape.hidden,), "F32")
    yield _Tensor("output.weight", (shape.vocabulary, shape.hidden), "Q6_K")


def _pools() -> dict[str, Any]:
    """Random blocks by kind, as ggml lays them out; the sign of a block's scale is random, so that the mean is 0."""
    random = np.random.default_rng(1)
    sign = random.choice((-1.0, 1.0), (POOL_BLOCKS, 1))
    # Q4_0: scale (f16), 32 nibbles. Q6_K: 256 6-bit values, 16 scales (int8), scale (f16).
    nibbles = random.integers(0, 256, (POOL_BLOCKS, 18), np.uint8)
    nibbles[:, :2] = (NIBBLE_STEP * sign).astype("<f2").view(np.uint8)
    sixbits = random.integers(0, 256, (POOL_BLOCKS, 210), np.uint8)
    sixbits[:, 208:] = (SIXBIT_STEP * sign).astype("<f2").view(np.uint8)
    return {"Q4_0": nibbles.reshape(-1), "Q6_K": sixbits.reshape(-1)}


def _values(gguf: Any, pools: dict[str, Any], tensor: _Tensor) -> Any:
    if tensor.kind == "F32":
        return (np.zeros if tensor.name.endswith(".bias") else np.ones)(tensor.shape, np.float32)
    form = gguf.quant_shape_to_byte_shape(tensor.shape, gguf.GGMLQuantizationType[tensor.kind])
    return np.resize(pools[tensor.kind], form)
