"""Writes a GGUF file of random weights with a model's shape, for llama.cpp.

The types are those of llama.cpp's own Q4_0 files: Q4_0 for linear layers and the embedding, Q6_K for the output, F32
for the rest. The tokenizer is a fake of the right size: every token is whole ASCII text, so that no text is held back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import BackendError
from bench.probe import Progress
from bench.weights import check_disk, written_whole
from bench.weights.shapes import Shape, meta_model

INSTALL = "pip install --no-deps -r requirements-bench.txt"
# Bytes of the file for each weight, with a margin for the wider output.
BYTES_PER_WEIGHT = 0.65
# Random blocks that all tensors repeat; a prime, so that no two rows begin with the same one.
POOL_BLOCKS = 99_991
# llama.cpp's names of the families, by the library's.
LLAMA_TYPES = {"qwen2": "qwen2", "qwen3": "qwen3", "qwen3_5_text": "qwen35", "glm": "chatglm", "glm4": "glm4"}
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
    model = meta_model(shape)
    with written_whole(path) as part:
        writer = gguf.GGUFWriter(part, LLAMA_TYPES[shape.model_type])
        _add_metadata(gguf, writer, shape.name, model.config)
        _add_fake_tokenizer(gguf, writer, shape.vocabulary)
        _write_tensors(gguf, writer, model, lambda words: progress(f"{words} of {shape.name} ..."))
        writer.close()


def _write_tensors(gguf: Any, writer: Any, model: Any, progress: Progress) -> None:
    pools, tensors, layouts = _pools(), list(_tensors(gguf, writer.arch, model)), []
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
            progress(f"Writing tensor {number} of {len(tensors)}")
        if kind == "F32":
            # ssm_a: the speed with which a head forgets, below 0.
            fill = 0.0 if name.endswith(".bias") else -0.3 if name.endswith("ssm_a") else 1.0
            writer.write_tensor_data(np.full(size, fill, np.float32))
        else:
            writer.write_tensor_data(np.resize(pools[kind], layout))


def _tensors(gguf: Any, family: str, model: Any) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """The file's tensors: name, size in numpy's order, type."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[family.upper()], model.config.num_hidden_layers)
    for place, value in model.named_parameters():
        # The name in llama.cpp's own converter.
        name = names.get_name(place.replace("dt_bias", "dt_proj.bias"), (".weight", ".bias"))
        size = tuple(value.squeeze().shape)
        is_table = len(size) < 2 or "conv1d" in place
        yield name, size, "F32" if is_table else "Q6_K" if name == "output.weight" else "Q4_0"


def _add_metadata(gguf: Any, writer: Any, name: str, config: Any) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_name(f"random weights of the shape of {name}")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(int(head * config.rope_parameters.get("partial_rotary_factor", 1)))
    if config.model_type == "qwen3_5_text":
        values = config.linear_num_value_heads
        writer.add_rope_dimension_sections([11, 11, 10, 0])
        writer.add_ssm_conv_kernel(config.linear_conv_kernel_dim)
        writer.add_ssm_state_size(config.linear_key_head_dim)
        writer.add_ssm_group_count(config.linear_num_key_heads)
        writer.add_ssm_time_step_rank(values)
        writer.add_ssm_inner_size(values * config.linear_value_head_dim)
        writer.add_full_attention_interval(config.layer_types.index("full_attention") + 1)
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
