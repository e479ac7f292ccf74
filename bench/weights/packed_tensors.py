"""Which tensors a packed folder of a shape holds, file by file, and their sizes. Data only: knows no values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

from bench.weights.shapes import Shape

# As quantize packs by default: neighbours that share a scale, and output rows that lie together.
GROUP, BLOCK = 32, 64
# How a tensor is filled; what its values must be follows from how they are read.
Kind = Literal["nibbles", "pairs", "int8", "scale8", "floats", "ones"]
BYTES = {"U8": 1, "I8": 1, "BF16": 2, "F32": 4}
DTYPES: dict[Kind, str] = {
    "nibbles": "U8",
    "pairs": "BF16",
    "int8": "I8",
    "scale8": "F32",
    "floats": "BF16",
    "ones": "BF16",
}


@dataclass(frozen=True)
class PackedTensor:
    """A name in a file, its shape, and with what it is filled."""

    name: str
    shape: tuple[int, ...]
    kind: Kind

    @property
    def dtype(self) -> str:
        """As safetensors calls it."""
        return DTYPES[self.kind]

    @property
    def bytes(self) -> int:
        """What it takes in the file."""
        return prod(self.shape) * BYTES[self.dtype]


def packed_files(shape: Shape, precision: str) -> dict[str, tuple[PackedTensor, ...]]:
    """The tensors by the name of their slice, as backends.packed.slices cuts a model."""
    files = {f"layer-{number:03}": tuple(_layer(shape, number, precision)) for number in range(shape.layers)}
    files["lm_head"] = tuple(_linear("lm_head", shape.vocabulary, shape.hidden, "int8", bias=False))
    files["model-embed_tokens"] = (
        PackedTensor("model.embed_tokens.weight", (shape.vocabulary, shape.hidden), "floats"),
    )
    files["model-norm"] = (PackedTensor("model.norm.weight", (shape.hidden,), "ones"),)
    return files


def packed_bytes(shape: Shape, precision: str) -> int:
    """All tensors together."""
    return sum(tensor.bytes for tensors in packed_files(shape, precision).values() for tensor in tensors)


def _layer(shape: Shape, number: int, precision: str) -> Iterator[PackedTensor]:
    place, wide, narrow = f"model.layers.{number}", shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    for name, rows in (("q_proj", wide), ("k_proj", narrow), ("v_proj", narrow)):
        yield from _linear(f"{place}.self_attn.{name}", rows, shape.hidden, precision, bias=True)
    yield from _linear(f"{place}.self_attn.o_proj", shape.hidden, wide, precision, bias=False)
    # The library keeps gate and up projection of the one family together.
    inner = {"gate_proj": shape.inner, "up_proj": shape.inner}
    for name, rows in (inner if shape.family == "qwen" else {"gate_up_proj": 2 * shape.inner}).items():
        yield from _linear(f"{place}.mlp.{name}", rows, shape.hidden, precision, bias=False)
    yield from _linear(f"{place}.mlp.down_proj", shape.hidden, shape.inner, precision, bias=False)
    for name in ("input_layernorm", "post_attention_layernorm"):
        yield PackedTensor(f"{place}.{name}.weight", (shape.hidden,), "ones")


def _linear(place: str, rows: int, columns: int, precision: str, bias: bool) -> Iterator[PackedTensor]:
    if bias:
        yield PackedTensor(f"{place}.bias", (rows,), "floats")
    if precision == "int4":
        blocks = -(-rows // BLOCK)
        yield PackedTensor(f"{place}.packed", (blocks, columns, BLOCK // 2), "nibbles")
        yield PackedTensor(f"{place}.scales", (blocks, columns // GROUP, BLOCK, 2), "pairs")
    else:
        yield PackedTensor(f"{place}.weight8", (rows, columns), "int8")
        yield PackedTensor(f"{place}.scale8", (rows,), "scale8")
