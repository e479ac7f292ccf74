"""Reads a LoRA adapter folder that belongs to a base model."""

import hashlib
import os
from dataclasses import replace
from os.path import isfile
from pathlib import Path

from arena.errors import InputError
from arena.types import ModelSpec
from backends.folder import as_input
from backends.folder.checkpoint import ADAPTER_CONFIG, member, read_json, refusal

WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# Only plain LoRA (W + B·A) is applied here; any of these settings would be ignored silently.
_MORE_THAN_LORA = (
    "use_dora", "use_qalora", "modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters",
    "lora_bias", "fan_in_fan_out", "bias",
)  # fmt: skip


def split_adapter(name: str) -> tuple[str, Path] | None:
    """Splits `BASE+ADAPTER` where ADAPTER is a folder with an adapter; None for any other name."""
    for index in reversed(range(len(name))):
        base, folder = name[:index], Path(name[index + 1 :])
        if name[index] == "+" and base and isfile(folder / ADAPTER_CONFIG):
            return base, folder
    return None


def with_adapter(base: ModelSpec, folder: Path) -> ModelSpec:
    """The base model with the adapter, as a model of its own. Raises InputError."""
    if base.runtime != "transformers" or base.precision not in ("bf16", "fp32"):
        message = f"{base.id} cannot take an adapter: use a checkpoint folder in bf16 or fp32 as the base."
        raise InputError("adapter_base", message, model=base.id)
    with as_input(folder):
        digest = hashlib.sha256((folder / ADAPTER_CONFIG).read_bytes())
        digest.update(check_adapter(folder).read_bytes())
    name = folder.resolve().name
    return replace(
        base,
        id=f"{base.id}+{name}",
        name=f"{base.name} + {name}",
        revision=f"{base.revision}+sha256:{digest.hexdigest()[:32]}",
        adapter=str(folder),
        # The adapter's licence is unknown.
        licence="",
        licence_url="",
    )


def check_adapter(folder: Path) -> Path:
    """The file with the adapter's weights. Raises BackendError unless the adapter is plain LoRA."""
    config = read_json(folder, ADAPTER_CONFIG)
    if config.get("peft_type") != "LORA":
        raise refusal(folder.name, f"its peft_type is {config.get('peft_type')!r}; only LORA is supported")
    for key in _MORE_THAN_LORA:
        if config.get(key) and (key, config[key]) != ("bias", "none"):
            raise refusal(folder.name, f"{key} {config[key]!r} is not supported; only plain LoRA is")
    if not isinstance(config.get("r"), int) or config["r"] < 1:
        raise refusal(folder.name, f"{ADAPTER_CONFIG} has no rank r")
    for name in WEIGHTS:
        if os.path.lexists(folder / name):
            return member(folder, name)
    raise refusal(folder.name, f"it has no weights: neither {WEIGHTS[0]} nor {WEIGHTS[1]}")
