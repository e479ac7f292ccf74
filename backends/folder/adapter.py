"""A LoRA folder on top of a base folder, as a model of its own: what its small files say. Loads nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from arena.errors import ArenaError, InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import member, read_json, refusal

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# What is done here is W + B·A; whatever else an adapter may hold would be lost without a word.
_OTHERS = {
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
    """`BASE+ADAPTER` in its two halves, where the second is a folder with an adapter; None for any other name."""
    places = [place for place, character in enumerate(name) if character == "+"]
    for place in reversed(places):
        base, folder = name[:place], Path(name[place + 1 :])
        try:
            if base and (folder / CONFIG).is_file():
                return base, folder
        except (OSError, ValueError):
            continue
    return None


def with_adapter(base: ModelSpec, folder: Path) -> ModelSpec:
    """The base with the adapter's changes, another model for a vote. Raises InputError with the reason."""
    if base.runtime != "transformers" or base.precision not in ("bf16", "fp32"):
        message = f"{base.id} takes no adapter: a base is a checkpoint folder in bf16 or fp32."
        raise InputError("adapter_base", message, model=base.id)
    try:
        check_adapter(folder)
        name = folder.resolve().name
        revision = f"{base.revision}+{_fingerprint(folder)}"
    except ArenaError as error:
        raise InputError("folder_unfit", str(error), path=str(folder)) from error
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}."
        raise InputError("file_unreadable", message, path=str(folder)) from error
    tuned = replace(base, id=f"{base.id}+{name}", name=f"{base.name} + {name}", revision=revision, adapter=str(folder))
    # Under which licence the adapter is, nobody has said.
    return replace(tuned, licence="", licence_url="")


def check_adapter(folder: Path) -> Path:
    """The file with the adapter's weights. Raises BackendError for an adapter that is more than a plain LoRA."""
    config = read_json(folder, CONFIG)
    if config.get("peft_type") != "LORA":
        raise refusal(folder.name, f"its peft_type is {config.get('peft_type')!r}, and LORA alone is read here")
    for key, wanted in _OTHERS.items():
        if config.get(key, wanted) not in (wanted, None):
            raise refusal(folder.name, f"adapters with {key} {config.get(key)!r} are not read here, plain LoRA is")
    if not isinstance(config.get("r"), int) or config["r"] < 1:
        raise refusal(folder.name, f"{CONFIG} has no rank r")
    for name in WEIGHTS:
        if (folder / name).exists() or (folder / name).is_symlink():
            return member(folder, name)
    raise refusal(folder.name, f"it has no weights, neither {WEIGHTS[0]} nor {WEIGHTS[1]}")


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    digest.update(check_adapter(folder).read_bytes())
    return f"sha256:{digest.hexdigest()[:32]}"
