"""A LoRA's changes into a model's weights, by the peft library. Knows no text; runs nothing that a folder holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from arena.errors import BackendError
from backends.families import chatglm, qwen
from backends.folder.adapter import CONFIG, check_adapter
from backends.folder.checkpoint import check_safetensors, first_line, read_json, refusal

_PREFIX = "base_model.model."
_HALF = re.compile(r"(?P<module>.+)\.(?P<half>lora_[AB])\.weight")
_PARTS = ("q_proj", "k_proj", "v_proj")
# What of the adapter's configuration says how its two halves come together.
_SCALES = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")

_ORIGINALS = {"qwen": qwen, "chatglm": chatglm}

Halves = dict[str, torch.Tensor]


def merge_adapter(model: Any, kind: str, folder: Path) -> Any:
    """The model with the adapter's changes in its weights; `kind` is the base's model_type. Raises BackendError.

    An adapter that was trained on an original is turned to the names and parts that its weights have here.
    """
    try:
        config = {key: value for key, value in read_json(folder, CONFIG).items() if key in _SCALES and value}
        if kind in _ORIGINALS and any(key.endswith("_pattern") for key in config):
            # The patterns are of names that are others here.
            raise refusal(folder.name, "an adapter of an original must have one rank and one alpha for all")
        state = dict(_renamed(_read(folder), kind, model.config.get_text_config()))
        return _merged(model, config, state, folder.name)
    except ImportError as error:
        raise refusal(folder.name, f"{error.name or error} is missing: pip install -r requirements-hf.txt") from error
    except BackendError:
        raise
    except Exception as error:
        raise refusal(folder.name, first_line(error)) from error


def _read(folder: Path) -> Halves:
    from peft import load_peft_weights

    file = check_adapter(folder)
    if file.suffix == ".safetensors":
        check_safetensors(folder, file, set())
    # As plain data, also from a .bin file.
    found: Halves = load_peft_weights(str(folder), device="cpu")
    return found


def _renamed(state: Halves, kind: str, config: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """The halves under the names of this model's modules."""
    family = _ORIGINALS.get(kind)
    for key, value in state.items():
        match = _HALF.fullmatch(key.removeprefix(_PREFIX))
        if match is None:
            raise ValueError(f"{key} is no half of a plain LoRA")
        module, half = f"{match['module']}.", match["half"]
        if family is None:
            yield f"{module}{half}.weight", value
            continue
        for old, new in family.RENAMES.items():
            module = re.sub(old, new, module)
        if family.QKV in module:
            for part, piece in _split(half, value, config).items():
                yield f"{module.replace(family.QKV, f'.self_attn.{part}.')}{half}.weight", piece
        else:
            yield f"{module}{half}.weight", value


def _split(half: str, value: torch.Tensor, config: Any) -> Mapping[str, torch.Tensor]:
    """One matrix of queries, keys and values is three here: they share what reads, and each has its rows of what
    writes."""
    if half == "lora_A":
        return dict.fromkeys(_PARTS, value)
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    sizes = [config.num_attention_heads * size, *2 * [config.num_key_value_heads * size]]
    return dict(zip(_PARTS, value.split(sizes, dim=0), strict=True))


def _merged(model: Any, config: dict[str, Any], state: Halves, name: str) -> Any:
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    modules = sorted({key.rsplit(".lora_", 1)[0] for key in state})
    known = dict(model.named_modules())
    if not modules or (unknown := [module for module in modules if module not in known]):
        raise refusal(name, f"it changes {unknown[0] if modules else 'nothing'}, which this base has not")
    made = get_peft_model(model, LoraConfig(**config, target_modules=modules))
    told = set_peft_model_state_dict(made, {f"{_PREFIX}{key}": value for key, value in state.items()})
    if told.unexpected_keys:
        raise refusal(name, f"{told.unexpected_keys[0]} fits nowhere")
    # Into copies: the base's own weights are mapped from its files.
    return made.merge_and_unload(safe_merge=True)
