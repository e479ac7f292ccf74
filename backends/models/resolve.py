"""Turns what a person writes into the ModelSpec it names: a catalogue id, a folder, a file or a server."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from os.path import isdir
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.generation_config import GenerationConfig, thinking_of
from arena.types import ModelSpec
from backends.families import original_family, qwen
from backends.families.support import checked_support
from backends.folder import as_input
from backends.folder.adapter import split_adapter, template_of, with_adapter
from backends.folder.contents import Checkpoint, read_checkpoint
from backends.folder.gguf import existing_file, gguf_spec, model_file
from backends.folder.manifest import read_manifest
from backends.folder.packed import packed_folder
from backends.memory.estimate import held_context
from backends.models.catalog import CHATGLM3, EMBEDDED, FETCHED, QWEN, QWEN_LICENCES
from backends.models.downloads import PACKED, Download, download_of, split_precision
from backends.models.variants import limited, variant_of
from backends.openai.backend import PREFIX, openai_spec
from backends.scripted import scripted_spec

_SETTINGS = ("temperature", "top_p", "top_k", "repetition_penalty")


def resolve(text: str) -> ModelSpec:
    """The model that `text` names: an id, a repository on a hub (`hf:OWNER/NAME`), a checkpoint folder, a .gguf file,
    `openai:BASE_URL#MODEL` or `scripted:FILE.json`. Raises InputError; downloads nothing.

    A suffix such as `@fp32` selects a precision, for folders only. `BASE+ADAPTER` is a base with a LoRA folder. A label
    and settings may be around it; see `variants`.
    """
    variant = variant_of(text)
    return variant.of(_without_settings(variant.model))


def _without_settings(text: str) -> ModelSpec:
    name, precision = split_precision(text)
    suffix = f"@{precision}" if precision else ""
    for whole, ending in ((text, ""), (name, suffix)):
        if halves := split_adapter(whole):
            base = _without_settings(f"{halves[0]}{ending}")
            return with_adapter(base, halves[1], _repositories(base))
    if not precision:
        return _named(text)
    # A packed folder may exist without its original.
    download = download_of(name)
    if precision in PACKED and (isdir(name) or isdir(text) if download is None else not download.is_gguf):
        return packed_spec(name, precision)
    spec = _named(name)
    if spec.runtime == "transformers":
        return in_precision(spec, precision)
    message = f"{spec.id} has one precision only; leave out {suffix}."
    raise InputError("precision_unavailable", message, model=spec.id, precision=precision)


def _named(name: str) -> ModelSpec:
    if name in EMBEDDED:
        return EMBEDDED[name]
    if download := download_of(name):
        return fetched_spec(download)
    if name.startswith(PREFIX):
        return openai_spec(name)
    if name.startswith("scripted:"):
        return scripted_spec(existing_file(Path(name.removeprefix("scripted:"))))
    if name.lower().endswith(".gguf"):
        return _file_spec(Path(name))
    if isdir(name):
        return folder_spec(Path(name))
    ids = (*EMBEDDED, *FETCHED)
    known = ", ".join(ids)
    kinds = "hf:OWNER/NAME, a checkpoint folder, a .gguf file, openai:BASE_URL#MODEL, or scripted:FILE.json"
    message = f"There is no model called {name!r}. Known: {known}; or {kinds}."
    raise misspelt(name, ids) or InputError("unknown_model", message, model=name, known=known)


def misspelt(name: str, known: Collection[str]) -> InputError | None:
    """The error for a name that is close to one of `known`."""
    close = get_close_matches(name.lower(), known, 1)
    if not close:
        return None
    message = f"There is no model called {name!r}. Did you mean {close[0]}?"
    return InputError("model_misspelt", message, model=name, close=close[0])


def has_embedded() -> bool:
    """Whether the embedded model is installed."""
    try:
        return all(model_file(spec).is_file() for spec in EMBEDDED.values())
    except InputError:
        return False


def fetched_spec(download: Download) -> ModelSpec:
    """A model that was downloaded, from its folder. Raises InputError if it is not there."""
    if not isdir(download.folder):
        command = f"fetch {download.id}"
        if not download.is_pinned:
            raise _not_fetched(download.id, command)
        remedy = f"python app.py {command}, or put its original folder, as published, at {download.folder}."
        message = f"{download.name} is not here: {remedy}"
        raise InputError("model_missing", message, model=download.id, path=str(download.folder))
    manifest = read_manifest(download.folder)
    spec = _file_spec(download.folder / Path(download.file).name) if download.is_gguf else folder_spec(download.folder)
    spec = _as_known(download.id, spec) if download.is_pinned else replace(spec, id=download.id, name=download.name)
    # The published revision identifies the bytes better than the fingerprint, as long as the files are unchanged.
    whole = manifest and not manifest.damaged(download.folder)
    return replace(spec, revision=manifest.revision) if manifest and whole else spec


def packed_spec(name: str, precision: str) -> ModelSpec:
    """A model that is downloaded by name, or a folder, from the packed folder beside it. Raises InputError without."""
    download = download_of(name)
    folder = packed_folder(download.folder if download else Path(name), precision)
    if not isdir(folder):
        command = f"fetch {name}@{precision}" if download else f"quantize {name} --precision {precision}"
        raise _not_fetched(f"{name}@{precision}", command)
    spec = folder_spec(folder)
    if spec.precision != precision:
        raise InputError("folder_unfit", f"{folder} holds no {precision} weights.", path=str(folder))
    if not download:
        return spec
    known = _as_known(name, spec) if download.is_pinned else replace(spec, name=download.name)
    return replace(known, id=f"{name}@{precision}", name=f"{known.name} ({precision})", precision=precision)


def _not_fetched(model: str, command: str) -> InputError:
    message = f"{model} is not here yet: python app.py {command}."
    return InputError("not_fetched", message, model=model, command=command)


def _file_spec(path: Path) -> ModelSpec:
    spec = gguf_spec(path)
    return limited(spec, held_context(spec), "memory")


def _as_known(model_id: str, spec: ModelSpec) -> ModelSpec:
    """The catalogue's model with the facts from its folder. Raises InputError if the folder holds another model."""
    known = FETCHED[model_id]
    published = qwen.published_name(read_checkpoint(Path(spec.source)).config) if spec.family == "qwen" else ""
    if spec.family != known.family or published not in ("", known.name):
        raise InputError("folder_unfit", f"{spec.source} holds no {known.name}.", path=spec.source)
    fields = ("source", "revision", "context_length", "context_limit", "defaults", "thinking")
    own = {field: getattr(spec, field) for field in fields}
    return replace(known, **own)


def folder_spec(folder: Path, precision: str = "bf16") -> ModelSpec:
    """The model in a checkpoint folder, in this precision unless it is packed. Raises InputError if there is none."""
    with as_input(folder):
        checkpoint = read_checkpoint(folder)
        stored = checkpoint.packed.precision if checkpoint.packed else ""
        support = checked_support(checkpoint, stored)
        name = folder.resolve().name
        spec = replace(
            _family_spec(checkpoint),
            id=name,
            name=name,
            source=str(folder),
            precision=stored or precision,
            revision=checkpoint.revision,
            context_length=support.context,
            context_limit=support.limit,
            thinking="" if original_family(checkpoint.model_type) else thinking_of(template_of(folder) or ""),
        )
        return limited(spec, held_context(spec), "memory")


def _repositories(spec: ModelSpec) -> list[str]:
    """The names of the model's repositories on hubs, as far as they are known."""
    download = download_of(split_precision(spec.plain_id)[0])
    return [repo.id for repo in download.repos.values()] if download and spec.runtime == "transformers" else []


def _family_spec(checkpoint: Checkpoint) -> ModelSpec:
    """What the kind of model says, without the folder's own name, bytes and context."""
    match checkpoint.model_type:
        case "qwen":
            name, url = QWEN_LICENCES.get(qwen.published_name(checkpoint.config), ("", ""))
            return replace(QWEN, licence=name, licence_url=url)
        case "chatglm":
            return CHATGLM3
    defaults = _own_defaults(checkpoint.generation)
    kind = checkpoint.model_type
    return ModelSpec("", "", kind, "", runtime="transformers", precision="bf16", defaults=defaults)


def in_precision(spec: ModelSpec, precision: str) -> ModelSpec:
    """The model computed in another precision, which is another model for a vote. Raises InputError."""
    if precision == spec.precision:
        return spec
    if precision not in ("bf16", "fp32"):
        message = f"{spec.id} runs as int4, int8, bf16 or fp32 on a CPU, not as {precision}."
        raise InputError("precision_unavailable", message, model=spec.id, precision=precision)
    if spec.precision not in ("bf16", "fp32"):
        message = f"{spec.id} has {spec.precision} weights; for {precision} name the original folder."
        raise InputError("precision_unavailable", message, model=spec.id, precision=precision)
    own = folder_spec(Path(spec.source), precision)
    return replace(
        spec,
        id=f"{spec.id}@{precision}",
        name=f"{spec.name} ({precision})",
        precision=precision,
        context_length=own.context_length,
        context_limit=own.context_limit,
    )


def _own_defaults(settings: Mapping[str, Any]) -> GenerationConfig:
    """The folder's own sampling settings, as far as they are valid."""
    if settings.get("do_sample") is False:
        return GenerationConfig(temperature=0)
    config = GenerationConfig()
    for name in _SETTINGS:
        if settings.get(name) is not None:
            with suppress(InputError):
                config = config.with_settings({name: settings[name]})
    return config
