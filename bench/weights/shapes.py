"""The shapes of Qwen-7B-Chat, ChatGLM3-6B and later models of the two families, for random weights.

Speed and memory depend on the shape alone.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from arena.errors import BackendError, InputError
from backends.families import UNTIED

INSTALL = "pip install -r requirements-hf.txt"
CONTEXT_LENGTH = 8192
# The standard deviation of a trained layer's weights is about this.
SPREAD = 0.02
# A prime, so that no two rows begin with the same value.
_POOL_VALUES = 4_000_037


@dataclass(frozen=True)
class Shape:
    """`sizes` are the arguments of the library's configuration that determine every tensor."""

    id: str
    name: str
    sizes: dict[str, Any]

    @property
    def model_type(self) -> str:
        """The library's name of the family."""
        return str(self.sizes["model_type"])

    @property
    def layers(self) -> int:
        """The number of layers."""
        return int(self.sizes["num_hidden_layers"])

    @property
    def vocabulary(self) -> int:
        """The number of token ids."""
        return int(self.sizes["vocab_size"])

    @property
    def parameters(self) -> int:
        """The number of weights, norms and biases included. Raises BackendError if the library is missing."""
        return sum(value.numel() for value in meta_model(self).parameters())

    @property
    def digest(self) -> str:
        """Differs between any two shapes."""
        return hashlib.sha256(json.dumps(self.sizes, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def config(self) -> dict[str, Any]:
        """All arguments of the library's configuration."""
        return {**self.sizes, "max_position_embeddings": CONTEXT_LENGTH, **UNTIED}

    def resized(self, **sizes: int) -> Self:
        """The same with other sizes."""
        return replace(self, sizes={**self.sizes, **sizes})


_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
SHAPES = {model: Shape(model, sizes.pop("name"), sizes) for model, sizes in _DATA.items()}
# The two that are measured unless others are named.
PAIR = ("qwen-7b-chat", "chatglm3-6b")


def shape_of(model: str, layers: int | None = None) -> Shape:
    """The shape of a model, with `layers` layers if given. Raises InputError for an unknown model."""
    if model not in SHAPES:
        message = f"There is no shape of {model!r}; use {' or '.join(SHAPES)}."
        raise InputError("bench_model", message)
    return SHAPES[model].resized(num_hidden_layers=layers or SHAPES[model].layers)


def meta_model(shape: Shape) -> Any:
    """The library's model without memory for its weights. Raises BackendError if the library is missing."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    config = transformers.AutoConfig.for_model(**shape.config, dtype=torch.bfloat16)
    with torch.device("meta"):
        model_class = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        return model_class._from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")


def random_fill() -> Callable[[Any], None]:
    """A function that gives a module memory and random weights; norms are 1.

    All weights repeat a small pool of values, which takes no longer than writing the memory.
    """
    import torch

    random = torch.Generator().manual_seed(1)
    pool = torch.randn(_POOL_VALUES, generator=random).mul(SPREAD).to(torch.bfloat16)

    def fill(module: Any) -> None:
        module.to_empty(device="cpu", recurse=False)
        for name, weight in module.named_parameters(recurse=False):
            if name == "A_log" or "Norm" in type(module).__name__:
                weight.data.fill_(name != "A_log")
                continue
            values = pool.roll(int(torch.randint(len(pool), (), generator=random)))
            for part in weight.data.view(-1).split(len(pool)):
                part.copy_(values[: len(part)])

    return fill
