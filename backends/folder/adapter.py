"""Reads a LoRA adapter folder that belongs to a base model."""

import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.generation_config import thinking_of
from arena.types import ModelSpec
from backends.folder import as_input
from backends.folder.checkpoint import ADAPTER_CONFIG, member, read_json, read_optional_json, refusal

WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
TEMPLATE, TOKENIZER = "chat_template.jinja", "tokenizer_config.json"
# The settings of peft that are applied here, and those that say nothing about the weights. Any other one makes more
# than a plain LoRA (W + B A) if it is set, and would be ignored silently.
_APPLIED = (
    "peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules",
    "layers_to_transform", "init_lora_weights", "bias", "base_model_name_or_path",
)  # fmt: skip
_IDLE = (
    "task_type", "auto_mapping", "peft_version", "revision", "inference_mode", "lora_dropout", "megatron_core",
    "layers_pattern", "qalora_group_size", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
    "runtime_config",
)  # fmt: skip
# How a LoRA may begin without changing the weights of its base; others (PiSSA, OLoRA, CorDA, LoftQ, ...) change them.
_BEGINNINGS = (True, False, None, "gaussian", "eva", "orthogonal")
# What tools add to the name of a model that they have quantized for training.
_QUANTIZED = re.compile(r"(-unsloth)?-bnb-4bit$|-(gptq-int[48]|awq)$", re.IGNORECASE)
_HUB_NAME = re.compile(r"(?:.*models--)?[\w.-]+?(?:/|--)(?P<name>[\w.-]+)(?:/snapshots/.*)?")


def split_adapter(name: str) -> tuple[str, Path] | None:
    """Splits `BASE+ADAPTER` where ADAPTER is a folder with an adapter; None for any other name."""
    for index in reversed(range(len(name))):
        base, folder = name[:index], Path(name[index + 1 :])
        if name[index] == "+" and base and isfile(folder / ADAPTER_CONFIG):
            return base, folder
    return None


def with_adapter(base: ModelSpec, folder: Path, repos: Collection[str] = ()) -> ModelSpec:
    """The base model with the adapter, as a model of its own. `repos` are the names of the base's repositories on hubs.

    Raises InputError, also for an adapter that was trained on another model.
    """
    if base.runtime != "transformers":
        message = f"{base.id} cannot take an adapter: use a checkpoint folder as the base."
        raise InputError("adapter_base", message, model=base.id)
    with as_input(folder):
        digest = hashlib.sha256((folder / ADAPTER_CONFIG).read_bytes())
        config, weights = read_adapter(folder)
        digest.update(weights.read_bytes())
        template = template_of(folder)
        digest.update((template or "").encode())
    _check_base(base, str(config.get("base_model_name_or_path") or ""), repos)
    name = folder.resolve().name
    return replace(
        base,
        id=f"{base.id}+{name}",
        name=f"{base.name} + {name}",
        revision=f"{base.revision}+sha256:{digest.hexdigest()[:32]}",
        adapter=str(folder),
        thinking=base.thinking if template is None else thinking_of(template),
        # The adapter's licence is unknown.
        licence="",
        licence_url="",
    )


def _check_base(base: ModelSpec, trained_on: str, repos: Collection[str]) -> None:
    """Raises InputError if the names say that the adapter was trained on another model; a local path says nothing."""
    match = _HUB_NAME.fullmatch(trained_on)
    known = {repo.rpartition("/")[2].casefold() for repo in repos}
    if not match or not known:
        return
    if _QUANTIZED.sub("", match["name"]).casefold() not in known:
        message = (
            f"The adapter was trained on {trained_on}, not on {base.name}. If that is the same model, change "
            f"base_model_name_or_path in its {ADAPTER_CONFIG} to {min(repos)}."
        )
        raise InputError("adapter_other_base", message, trained_on=trained_on, model=base.name, name=min(repos))


def template_of(folder: Path) -> str | None:
    """The adapter's own chat template, None without one. Raises BackendError for a damaged file."""
    if isfile(folder / TEMPLATE):
        return member(folder, TEMPLATE).read_text(encoding="utf-8")
    template = read_optional_json(folder, TOKENIZER).get("chat_template")
    return template if isinstance(template, str) else None


def read_adapter(folder: Path) -> tuple[dict[str, Any], Path]:
    """The adapter's configuration and the file with its weights. Raises BackendError unless it is plain LoRA."""
    config = read_json(folder, ADAPTER_CONFIG)
    if config.get("peft_type") != "LORA":
        raise refusal(folder.name, f"its peft_type is {config.get('peft_type')!r}; only LORA is supported")
    for key, value in config.items():
        if (key not in (*_APPLIED, *_IDLE) and value) or (key == "bias" and value not in ("none", None)):
            raise refusal(folder.name, f"{key} {str(value)[:80]!r} is not supported; only plain LoRA is")
    if (beginning := config.get("init_lora_weights", True)) not in _BEGINNINGS:
        reason = f"init_lora_weights {beginning!r} changed the weights of its base; let peft convert it to a plain LoRA"
        raise refusal(folder.name, f"{reason} (path_initial_model_for_weight_conversion)")
    if not isinstance(config.get("r"), int) or config["r"] < 1:
        raise refusal(folder.name, f"{ADAPTER_CONFIG} has no rank r")
    for name in WEIGHTS:
        if os.path.lexists(folder / name):
            return config, member(folder, name)
    raise refusal(folder.name, f"it has no weights: neither {WEIGHTS[0]} nor {WEIGHTS[1]}")
