"""Checkpoint folders as models: what can be said of one from its small files. Loads nothing."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, InputError
from arena.types import GenerationConfig, ModelSpec
from backends.folder.checkpoint import read_config, read_optional_json
from backends.folder.manifest import read_manifest
from backends.folder.packed import is_packed, packed_place, read_packed
from backends.models.catalog import CHATGLM3, FETCHED, QWEN

# Native checkpoints claim more than a small machine has memory for.
LONGEST_CONTEXT = 8192
# By the model_type of config.json.
_ORIGINALS = {"qwen": QWEN, "chatglm": CHATGLM3}
_PARTS = ("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "*.safetensors", "*.bin")
_SETTINGS = ("temperature", "top_p", "top_k", "repetition_penalty")


def models_dir() -> Path:
    """Where folders of models known by name are looked for."""
    return Path(os.environ.get("ARENA_MODELS_DIR") or "models")


def is_folder(name: str) -> bool:
    """Whether `name` is a folder that can be seen."""
    try:
        return bool(name) and Path(name).is_dir()
    except (OSError, ValueError):
        return False


def fetched_spec(model_id: str) -> ModelSpec:
    """A model of the catalog from its folder below the models folder. Raises InputError if it is not there."""
    folder = models_dir() / model_id
    if not is_folder(str(folder)):
        how = f"python app.py fetch {model_id}, or put its original folder, as published, at {folder}."
        message = f"{FETCHED[model_id].name} is not here: {how}"
        raise InputError("model_missing", message, model=model_id, path=str(folder))
    known, spec = FETCHED[model_id], folder_spec(folder)
    if spec.family != known.family:
        raise InputError("folder_unfit", f"{folder} holds no {known.name}.", path=str(folder))
    manifest = read_manifest(folder)
    # The published revision names the bytes better than our own fingerprint, as long as the files are still those.
    revision = manifest.revision if manifest and not manifest.damaged(folder) else spec.revision
    return replace(
        known,
        source=spec.source,
        revision=revision,
        context_length=spec.context_length,
        defaults=spec.defaults,
    )


def packed_spec(name: str, precision: str) -> ModelSpec:
    """A model of the catalog, or a folder, in fewer bits: from the packed folder beside it. Raises InputError."""
    folder = packed_place(models_dir() / name if name in FETCHED else Path(name), precision)
    if not is_folder(str(folder)):
        command = f"fetch {name}@{precision}" if name in FETCHED else f"quantize {name} --precision {precision}"
        message = f"{name}@{precision} is not here yet: python app.py {command}."
        raise InputError("packed_missing", message, model=f"{name}@{precision}", command=command)
    spec = folder_spec(folder)
    if spec.precision != precision:
        raise InputError("folder_unfit", f"{folder} holds no {precision} weights.", path=str(folder))
    if name not in FETCHED:
        return spec
    known = FETCHED[name]
    if spec.family != known.family:
        raise InputError("folder_unfit", f"{folder} holds no {known.name}.", path=str(folder))
    own = {field: getattr(spec, field) for field in ("source", "revision", "context_length", "defaults", "precision")}
    return replace(known, id=f"{name}@{precision}", name=f"{known.name} ({precision})", **own)


def folder_spec(folder: Path) -> ModelSpec:
    """The model in a checkpoint folder. Raises InputError with the reason if it cannot be one."""
    try:
        config = read_config(folder)
        known = _ORIGINALS.get(config["model_type"])
        spec = _known_spec(config, known, folder.name) if known else _native_spec(config, folder)
        name = folder.resolve().name
        spec = replace(spec, id=name, name=name, source=str(folder))
        if is_packed(folder):
            info = read_packed(folder)
            return replace(spec, precision=info.precision, revision=info.own_revision)
        return replace(spec, revision=_fingerprint(folder))
    except ArenaError as error:
        raise InputError("folder_unfit", str(error), path=str(folder)) from error
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}."
        raise InputError("file_unreadable", message, path=str(folder)) from error


def in_precision(spec: ModelSpec, precision: str) -> ModelSpec:
    """The same model computed in another precision; another model for a vote. Raises InputError."""
    if precision == spec.precision:
        return spec
    if precision not in ("bf16", "fp32"):
        message = f"{spec.id} runs as int4, int8, bf16 or fp32 on a CPU, not as {precision}."
        raise InputError("precision_unavailable", message, model=spec.id, precision=precision)
    if spec.precision not in ("bf16", "fp32"):
        message = f"{spec.id} has {spec.precision} weights; for {precision} name the folder that it was made from."
        raise InputError("precision_unavailable", message, model=spec.id, precision=precision)
    return replace(spec, id=f"{spec.id}@{precision}", name=f"{spec.name} ({precision})", precision=precision)


def _known_spec(config: dict[str, Any], known: ModelSpec, name: str) -> ModelSpec:
    from backends.families import chatglm, qwen

    family = qwen if known.family == "qwen" else chatglm
    family.model_config(config, name)
    return replace(known, context_length=family.context_length(config, name))


def _native_spec(config: dict[str, Any], folder: Path) -> ModelSpec:
    length = _steady_length(config)
    return ModelSpec(
        id="",
        name="",
        family=config["model_type"],
        source="",
        runtime="transformers",
        precision="bf16",
        context_length=min(length, LONGEST_CONTEXT),
        defaults=_own_defaults(read_optional_json(folder, "generation_config.json")),
    )


def _steady_length(config: dict[str, Any]) -> int:
    """Tokens up to which a place means the same whatever else is computed with it.

    These kinds of rotary embedding change all places once a conversation is longer than the model was first trained on.
    """
    scaling = config.get("rope_parameters") or config.get("rope_scaling")
    scaling = scaling if isinstance(scaling, dict) else {}
    lengths = [config.get("max_position_embeddings")]
    if scaling.get("rope_type", scaling.get("type")) in ("dynamic", "longrope", "su"):
        name = "original_max_position_embeddings"
        lengths += [scaling.get(name), config.get(name)]
    return min((length for length in lengths if isinstance(length, int) and length > 0), default=4096)


def _own_defaults(settings: dict[str, Any]) -> GenerationConfig:
    """How the folder's authors sample, as far as it can be used."""
    if settings.get("do_sample") is False:
        return GenerationConfig(temperature=0)
    config = GenerationConfig()
    for name in _SETTINGS:
        if settings.get(name) is not None:
            try:
                config = config.with_settings({name: settings[name]})
            except InputError:
                continue
    return config


def _fingerprint(folder: Path) -> str:
    """Names a folder's contents by its configuration and its files' sizes; hashing gigabytes would hold up the page."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in sorted(folder.iterdir()):
        # Notes and pictures beside a model are no part of it.
        if path.is_file() and any(fnmatchcase(path.name, pattern) for pattern in _PARTS):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    return f"sizes-sha256:{digest.hexdigest()[:32]}"
