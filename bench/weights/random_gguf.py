"""Writes a GGUF file of random weights with a model's shape, for llama.cpp.

The types are those of llama.cpp's own Q4_0 files: Q4_0 for linear layers and the embedding, Q6_K for the output, F32
for the rest. The tokenizer is a fake of the right size: every token is whole ASCII text, so that no text is held back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import BackendError, os_error_as
from bench.probe import Progress
from bench.resources import check_disk
from bench.weights.shapes import INTERVAL, KEY_HEADS, STATE_HEAD, TAPS, Shape

INSTALL = "pip install --no-deps -r requirements-bench.txt"
# Bytes of the file for each weight, with a margin for the wider output.
BYTES_PER_WEIGHT = 0.65
# Random blocks that all tensors repeat; a prime, so that no two rows begin with the same one.
POOL_BLOCKS = 99_991
# The part of a head that the rotary embedding turns.
_TURNED_SHARES = {"qwen": 1, "qwen3": 1, "qwen35": 0.25, "chatglm": 0.5, "glm4": 0.5}
# The standard deviation of a trained layer's weights is about 0.02. Uniform nibbles have 4.6 steps, 6-bit values times
# 8-bit scales 18.5 x 74.
NIBBLE_STEP, SIXBIT_STEP = 0.0045, 0.02 / (18.5 * 74)


def random_gguf(shape: Shape, folder: Path, progress: Progress) -> Path:
    """The shape's file in `folder`, written if it does not exist yet. Raises InputError or BackendError."""
    path = folder / f"{shape.id}-{shape.layers}-layers-random-q4_0.gguf"
    if not path.exists():
        check_disk(folder, int(shape.parameters * BYTES_PER_WEIGHT))
        write_random_gguf(shape, path, progress)
    return path


def write_random_gguf(shape: Shape, path: Path, progress: Progress) -> None:
    """Writes the file. Raises BackendError if the library is missing or the disk is full."""
    try:
        import gguf
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    part = path.with_name(f"{path.name}.part")
    writer = gguf.GGUFWriter(part, shape.family)
    try:
        with os_error_as("bench_failed", f"{path.name} cannot be written", BackendError):
            _add_metadata(gguf, writer, shape)
            _add_fake_tokenizer(gguf, writer, shape.vocabulary)
            _write_tensors(gguf, writer, shape, progress)
            writer.close()
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_tensors(gguf: Any, writer: Any, shape: Shape, progress: Progress) -> None:
    pools, tensors, layouts = _pools(), list(_tensors(shape)), []
    for name, size, kind in tensors:
        quantization = gguf.GGMLQuantizationType[kind]
        layout = size if kind == "F32" else gguf.quant_shape_to_byte_shape(size, quantization)
        layouts.append(layout)
        dtype = np.dtype(np.float32 if kind == "F32" else np.uint8)
        writer.add_tensor_info(name, layout, dtype, int(np.prod(layout)) * dtype.itemsize, quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, ((name, size, kind), layout) in enumerate(zip(tensors, layouts, strict=True)):
        if number % 40 == 0:
            progress(f"Writing tensor {number} of {len(tensors)} of {shape.name} ...")
        if kind == "F32":
            # ssm_a: the speed with which a head forgets, below 0.
            fill = 0.0 if name.endswith(".bias") else -0.3 if name.endswith("ssm_a") else 1.0
            writer.write_tensor_data(np.full(size, fill, np.float32))
        else:
            writer.write_tensor_data(np.resize(pools[kind], layout))


def _add_metadata(gguf: Any, writer: Any, shape: Shape) -> None:
    writer.add_name(f"random weights of the shape of {shape.name}")
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    # llama.cpp keeps the original Qwen's number, which counts gate and up projection together.
    writer.add_feed_forward_length(shape.inner * (2 if shape.family == "qwen" else 1))
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_rope_dimension_count(int(shape.head_dim * _TURNED_SHARES[shape.family]))
    if shape.family in ("qwen3", "qwen35"):
        writer.add_key_length(shape.head_dim)
        writer.add_value_length(shape.head_dim)
    if shape.family == "qwen35":
        writer.add_rope_dimension_sections([11, 11, 10, 0])
        writer.add_ssm_conv_kernel(TAPS)
        writer.add_ssm_state_size(STATE_HEAD)
        writer.add_ssm_group_count(KEY_HEADS)
        writer.add_ssm_time_step_rank(shape.value_heads)
        writer.add_ssm_inner_size(shape.value_heads * STATE_HEAD)
        writer.add_full_attention_interval(INTERVAL)
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_Q4_0))
    writer.add_quantization_version(int(gguf.GGML_QUANT_VERSION))


def _add_fake_tokenizer(gguf: Any, writer: Any, size: int) -> None:
    # "Ċ" is a newline in this kind of tokenizer; llama.cpp looks it up while loading.
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(["Ċ", "a", "b", "ab", *(f"t{number}" for number in range(4, size))])
    writer.add_token_types([int(gguf.TokenType.NORMAL)] * (size - 1) + [int(gguf.TokenType.CONTROL)])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(size - 1)
    writer.add_add_bos_token(False)


def _tensors(shape: Shape) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """The file's tensors: name, size in numpy's order, type."""
    yield "token_embd.weight", (shape.vocabulary, shape.hidden), "Q4_0"
    gate = shape.family not in ("chatglm", "glm4")
    for number, layer in enumerate(f"blk.{number}" for number in range(shape.layers)):
        yield f"{layer}.attn_norm.weight", (shape.hidden,), "F32"
        if not shape.has_keys(number):
            yield from _state_tensors(shape, layer)
        elif shape.family in ("qwen", "chatglm"):
            # These keep query, key and value together.
            yield f"{layer}.attn_qkv.weight", (shape.qkv, shape.hidden), "Q4_0"
            if shape.biased:
                yield f"{layer}.attn_qkv.bias", (shape.qkv,), "F32"
            yield f"{layer}.attn_output.weight", (shape.hidden, shape.heads * shape.head_dim), "Q4_0"
        else:
            yield from _attention_tensors(shape, layer)
        if shape.family == "glm4":
            yield f"{layer}.post_attention_norm.weight", (shape.hidden,), "F32"
            yield f"{layer}.post_ffw_norm.weight", (shape.hidden,), "F32"
        inner_norm = "post_attention_norm" if shape.family == "qwen35" else "ffn_norm"
        yield f"{layer}.{inner_norm}.weight", (shape.hidden,), "F32"
        if gate:
            yield f"{layer}.ffn_gate.weight", (shape.inner, shape.hidden), "Q4_0"
        # GLM models keep gate and up projection together.
        yield f"{layer}.ffn_up.weight", (shape.inner * (1 if gate else 2), shape.hidden), "Q4_0"
        yield f"{layer}.ffn_down.weight", (shape.hidden, shape.inner), "Q4_0"
    yield "output_norm.weight", (shape.hidden,), "F32"
    yield "output.weight", (shape.vocabulary, shape.hidden), "Q6_K"


def _attention_tensors(shape: Shape, layer: str) -> Iterator[tuple[str, tuple[int, ...], str]]:
    wide, narrow = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    # Qwen3.5 has a gate for each query.
    rows = {"q": wide * (2 if shape.family == "qwen35" else 1), "k": narrow, "v": narrow}
    for part, count in rows.items():
        yield f"{layer}.attn_{part}.weight", (count, shape.hidden), "Q4_0"
        if shape.biased:
            yield f"{layer}.attn_{part}.bias", (count,), "F32"
    yield f"{layer}.attn_output.weight", (shape.hidden, wide), "Q4_0"
    for part in () if shape.family == "glm4" else ("q", "k"):
        yield f"{layer}.attn_{part}_norm.weight", (shape.head_dim,), "F32"


def _state_tensors(shape: Shape, layer: str) -> Iterator[tuple[str, tuple[int, ...], str]]:
    heads, values = shape.value_heads, shape.value_heads * STATE_HEAD
    yield f"{layer}.attn_qkv.weight", (shape.channels, shape.hidden), "Q4_0"
    yield f"{layer}.attn_gate.weight", (values, shape.hidden), "Q4_0"
    yield f"{layer}.ssm_conv1d.weight", (shape.channels, TAPS), "F32"
    yield f"{layer}.ssm_dt.bias", (heads,), "F32"
    yield f"{layer}.ssm_a", (heads,), "F32"
    yield f"{layer}.ssm_beta.weight", (heads, shape.hidden), "Q4_0"
    yield f"{layer}.ssm_alpha.weight", (heads, shape.hidden), "Q4_0"
    yield f"{layer}.ssm_norm.weight", (STATE_HEAD,), "F32"
    yield f"{layer}.ssm_out.weight", (shape.hidden, values), "Q4_0"


def _pools() -> dict[str, Any]:
    """Random blocks by type, as ggml lays them out. The sign of a block's scale is random, so that the mean is 0."""
    random = np.random.default_rng(1)
    sign = random.choice((-1.0, 1.0), (POOL_BLOCKS, 1))
    # Q4_0: scale (f16), 32 nibbles. Q6_K: 256 6-bit values, 16 scales (int8), scale (f16).
    nibbles = random.integers(0, 256, (POOL_BLOCKS, 18), np.uint8)
    nibbles[:, :2] = (NIBBLE_STEP * sign).astype("<f2").view(np.uint8)
    sixbits = random.integers(0, 256, (POOL_BLOCKS, 210), np.uint8)
    sixbits[:, 208:] = (SIXBIT_STEP * sign).astype("<f2").view(np.uint8)
    return {"Q4_0": nibbles.reshape(-1), "Q6_K": sixbits.reshape(-1)}
