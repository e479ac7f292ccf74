"""Reads a LoRA adapter folder that belongs to a base model."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from arena.errors import ArenaError, InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import ADAPTER_CONFIG, member, read_json, refusal, unreadable

WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# Only plain LoRA (W + B·A) is applied here; any other setting would be ignored silently.
_PLAIN_LORA = {
    "use_dora": False,
    "use_qalora": False,
    "modules_to_save": None,
    "layer_replication": None,
    "trainable_token_indices": None,
    "target_parameters": None,
    "lora_bias": False,
    "fan_in_fan_out": False,
    "bias": "none",
}


def split_adapter(name: str) -> tuple[str, Path] | None:
    """Splits `BASE+ADAPTER` where ADAPTER is a folder with an adapter; None for any other name."""
    for index in reversed(range(len(name))):
        base, folder = name[:index], Path(name[index + 1 :])
        try:
            if name[index] == "+" and base and (folder / ADAPTER_CONFIG).is_file():
                return base, folder
        except (OSError, ValueError):
            continue
    return None


def with_adapter(base: ModelSpec, folder: Path) -> ModelSpec:
    """The base model with the adapter, as a model of its own. Raises InputError."""
    if base.runtime != "transformers" or base.precision not in ("bf16", "fp32"):
        message = f"{base.id} cannot take an adapter: use a checkpoint folder in bf16 or fp32 as the base."
        raise InputError("adapter_base", message, model=base.id)
    try:
        digest = hashlib.sha256((folder / ADAPTER_CONFIG).read_bytes())
        digest.update(check_adapter(folder).read_bytes())
    except ArenaError as error:
        raise InputError("folder_unfit", str(error), path=str(folder)) from error
    except OSError as error:
        raise unreadable(folder, error) from error
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
    for key, wanted in _PLAIN_LORA.items():
        if config.get(key, wanted) not in (wanted, None):
            raise refusal(folder.name, f"{key} {config.get(key)!r} is not supported; only plain LoRA is")
    if not isinstance(config.get("r"), int) or config["r"] < 1:
        raise refusal(folder.name, f"{ADAPTER_CONFIG} has no rank r")
    for name in WEIGHTS:
        if (folder / name).exists() or (folder / name).is_symlink():
            return member(folder, name)
    raise refusal(folder.name, f"it has no weights: neither {WEIGHTS[0]} nor {WEIGHTS[1]}")
