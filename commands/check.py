"""`check`: what is in a model's folder or file, whether it is whole, and whether and how fast it runs here."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import InputError
from backends.machine import share_cores
from commands import errors_in_one_line

if TYPE_CHECKING:
    from arena.types import ModelSpec
    from backends.checking import Trial
    from backends.folder.contents import Contents
    from backends.memory.estimate import Need


def check(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model id, a checkpoint folder or a .gguf file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Say what a MODEL's folder or file holds, verify it, load it, and let it answer: speed and memory.

    The whole answer can take minutes for a large model. Exit code 2 and one line for what cannot be used.
    """
    # Said once, by the line at the end, and not by the log as well.
    logging.getLogger("backends").addHandler(logging.NullHandler())
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with errors_in_one_line(as_json, model=model):
        from backends.models.resolve import resolve

        spec = resolve(model)
        try:
            result = _examine(spec, _silent if as_json else typer.echo)
        except BrokenPipeError:
            raise
        except OSError as error:
            message = f"{error.filename or spec.source} cannot be read: {error.strerror}."
            raise InputError("file_unreadable", message, path=str(error.filename)) from error
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))


def _examine(spec: ModelSpec, say: Callable[[str], None]) -> dict[str, Any]:
    """Says what is found as soon as it is known; what takes longest comes last. Gives the same as an object."""
    from backends.checking import try_out
    from backends.folder.contents import contents_of, verify_listed
    from backends.machine.memory import available_bytes
    from backends.memory.estimate import need_of

    say(_heading(spec))
    found = contents_of(spec)
    say(_contents(found))
    compared = verify_listed(spec, lambda name, size: _progress(f"Reading {name} ({_size(size)}) ..."))
    say(_verified(spec, compared))
    need, free = need_of(spec), available_bytes()
    if need:
        say(_memory(need, free))
    _progress(f"Loading {spec.name} ...")
    trial = try_out(spec)
    say(_trial(trial))
    return _as_object(spec, found, compared, need, free, trial)


def _silent(text: str) -> None:
    """For --json: nothing but the object goes to stdout."""


def _progress(text: str) -> None:
    """A line for someone who watches; a log or a script is not told."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)


def _row(label: str, text: str) -> str:
    return f"  {label:<12} {text}"


def _size(size: int | None) -> str:
    if size is None:
        return "unknown"
    for factor, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.2f} s"


def _heading(spec: ModelSpec) -> str:
    rows = [
        _row("source", spec.source),
        *([_row("adapter", spec.adapter)] if spec.adapter else []),
        _row("family", spec.family),
        _row("runs as", f"{spec.precision or 'what the file has'} on {spec.runtime}"),
        _row("context", f"{spec.context_length:,} tokens" if spec.context_length else "unknown"),
        _row("licence", " ".join(filter(None, (spec.licence, spec.licence_url))) or "unknown"),
        _row("revision", spec.revision or "unknown"),
    ]
    return "\n".join([f"{spec.name} ({spec.id})", *rows])


def _contents(found: Contents) -> str:
    rows = [_row("files", f"{len(found.files)}, {_size(found.total_bytes)}")]
    rows += [_row("", f"{name}  {_size(size)}") for name, size in found.files]
    if found.elements is None:
        return "\n".join([*rows, _row("tensors", "unknown (.bin files do not say)")])
    types = ", ".join(f"{kind} {count:,}" for kind, count in sorted(found.elements.items()))
    rows += [_row("tensors", f"{found.tensors}, {found.parameters:,} parameters: {types}")]
    return "\n".join(rows)


def _verified(spec: ModelSpec, compared: tuple[str, int] | None) -> str:
    what = "index and headers agree with the files" if spec.runtime == "transformers" else "the head is whole"
    return _row("verified", what if compared is None else f"{what}; {compared[0]} agrees with {compared[1]} files")


def _memory(need: Need, free: int | None) -> str:
    parts = f"weights {_size(need.weights)}, cache {_size(need.cache)}, other {_size(need.overhead)}"
    return _row("memory", f"needs {_size(need.total)} ({parts}); {_size(free)} free")


def _trial(trial: Trial) -> str:
    speed = "unknown" if trial.tokens_per_second is None else f"{trial.tokens_per_second:.2f} tokens/s"
    rows = [
        _row("loaded in", _seconds(trial.load_seconds)),
        _row("first token", f"after {_seconds(trial.first_token_seconds)}"),
        _row("speed", f"{speed} ({trial.tokens} tokens)"),
        _row("answer", json.dumps(trial.answer, ensure_ascii=False)),
        _row("resident", f"{_size(trial.resident_bytes)}, at most {_size(trial.peak_bytes)}"),
    ]
    return "\n".join(rows)


def _as_object(
    spec: ModelSpec,
    found: Contents,
    compared: tuple[str, int] | None,
    need: Need | None,
    free: int | None,
    trial: Trial,
) -> dict[str, Any]:
    """All of it under plain names; bytes, seconds and tokens as numbers, unknown as null."""
    names = ("id", "name", "family", "source", "runtime", "precision", "revision", "context_length", "licence")
    memory = (
        {"weights": need.weights, "cache": need.cache, "overhead": need.overhead, "needed": need.total} if need else {}
    )
    return {
        **{name: getattr(spec, name) for name in names},
        "licence_url": spec.licence_url,
        "files": [{"path": name, "size": size} for name, size in found.files],
        "tensors": found.tensors,
        "parameters": found.parameters,
        "dtypes": dict(found.elements) if found.elements is not None else None,
        "files_compared": compared and compared[1],
        "memory": {**memory, "free": free},
        **vars(trial),
    }
