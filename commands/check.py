"""`check`: what is in a model's folder or file, whether it is whole, and whether and how fast it runs here."""

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from arena.errors import InputError
from arena.types import ModelSpec
from backends.checking import Trial, try_out
from backends.families.qwen35 import left_out
from backends.folder.contents import Contents, contents_of
from backends.folder.verified import verify_listed
from backends.machine import share_cores
from backends.machine.memory import available_bytes
from backends.memory.estimate import Need, need_of
from backends.models.downloads import PACKED
from backends.models.resolve import resolve
from commands import errors_in_one_line
from commands.options import AsJson
from commands.progress import size_text

# By ModelSpec.context_limit.
_LIMITS = {
    "window": "its layers see no further back: exact up to there",
    "positions": "its positions change beyond: exact up to there",
    "memory": "what the memory of this machine holds",
    "ctx": "as given by ctx",
}


def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model id, hf:OWNER/NAME, a folder, a .gguf file or openai:BASE_URL#MODEL."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Verify a model, load it and measure it.

    Prints what its folder or file contains, whether it is complete, an answer, speed and memory. A large model takes
    minutes. A model that cannot be used ends with one line and exit code 2.
    """
    # The last line reports an error; without this handler the log would report it too.
    logging.getLogger("backends").addHandler(logging.NullHandler())
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with errors_in_one_line(as_json, model=model):
        spec = resolve(model)
        try:
            # With --json only the object goes to stdout.
            result = _examine(spec, (lambda text: None) if as_json else typer.echo)
        except BrokenPipeError:
            raise
        except OSError as error:
            message = f"{error.filename or spec.source} cannot be read: {error.strerror}."
            raise InputError("file_unreadable", message, path=str(error.filename)) from error
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))


def _examine(spec: ModelSpec, say: Callable[[str], None]) -> dict[str, Any]:
    """Says each fact as soon as it is known, the slowest last; returns all facts as an object with plain names.

    Bytes, seconds and tokens are numbers there, and what is unknown is null.
    """
    say(_heading(spec))
    contents, compared = Contents((), None, None), None
    if spec.runtime != "openai":  # a server shows no files
        contents = contents_of(spec)
        say(_contents(contents))
        compared = verify_listed(spec, lambda name, size: _progress(f"Reading {name} ({size_text(size)}) ..."))
        whole = "index and headers agree with the files" if spec.runtime == "transformers" else "the head is whole"
        agrees = f"; {compared[0]} agrees with {compared[1]} files" if compared else ""
        say(_row("verified", whole + agrees))
    need, memory = need_of(spec), {"free": available_bytes()}
    if need:
        parts = {"weights": need.weights, "cache": need.cache, "overhead": need.overhead, "needed": need.total}
        memory = {**parts, **memory}
        say(_memory(need, memory["free"]))
    _progress(f"Loading {spec.name} ...")
    trial = try_out(spec)
    say(_trial(trial))
    computed = None
    if spec.precision in PACKED:
        from backends.packed.kernels import computed_by

        computed = computed_by()
        say(_row("computed by", computed))
    names = ("id", "name", "family", "source", "runtime", "precision", "revision", "licence")
    return {
        **{name: getattr(spec, name) for name in (*names, "licence_url", "context_length", "context_limit")},
        "files": [{"path": name, "size": size} for name, size in contents.files],
        "tensors": contents.tensors,
        "parameters": contents.parameters,
        "dtypes": dict(contents.elements) if contents.elements is not None else None,
        "files_compared": compared and compared[1],
        "memory": memory,
        "computed_by": computed,
        **vars(trial),
    }


def _progress(text: str) -> None:
    """Prints a line on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)


def _row(label: str, text: str) -> str:
    return f"  {label:<12} {text}"


def _seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.2f} s"


def _heading(spec: ModelSpec) -> str:
    runs_as = f"{spec.precision or 'what the file has'} on {spec.runtime}"
    runs_as = "a model on a server" if spec.runtime == "openai" else runs_as
    rows = [
        _row("source", spec.source),
        *([_row("adapter", spec.adapter)] if spec.adapter else []),
        _row("family", spec.family),
        _row("runs as", runs_as),
        _row("context", _context(spec)),
        *([_row("left out", "tensors for pictures and for guessing several tokens")] if left_out(spec.family) else []),
        _row("licence", " ".join(filter(None, (spec.licence, spec.licence_url))) or "unknown"),
        _row("revision", spec.revision or "unknown"),
    ]
    return "\n".join([f"{spec.name} ({spec.id})", *rows])


def _context(spec: ModelSpec) -> str:
    length = f"{spec.context_length:,} tokens" if spec.context_length else "unknown"
    return f"{length} ({_LIMITS[spec.context_limit]})" if spec.context_limit else length


def _contents(contents: Contents) -> str:
    tensors = "unknown (.bin files do not say)"
    if contents.elements is not None:
        types = ", ".join(f"{kind} {count:,}" for kind, count in sorted(contents.elements.items()))
        tensors = f"{contents.tensors}, {contents.parameters:,} parameters: {types}"
    rows = [
        _row("files", f"{len(contents.files)}, {size_text(sum(size for _, size in contents.files))}"),
        *(_row("", f"{name}  {size_text(size)}") for name, size in contents.files),
        _row("tensors", tensors),
    ]
    return "\n".join(rows)


def _memory(need: Need, free: int | None) -> str:
    parts = f"weights {size_text(need.weights)}, cache {size_text(need.cache)}, other {size_text(need.overhead)}"
    return _row("memory", f"needs {size_text(need.total)} ({parts}); {size_text(free)} free")


def _trial(trial: Trial) -> str:
    speed = "unknown" if trial.tokens_per_second is None else f"{trial.tokens_per_second:.2f} tokens/s"
    rows = [
        _row("loaded in", _seconds(trial.load_seconds)),
        _row("first token", f"after {_seconds(trial.first_token_seconds)}"),
        _row("speed", f"{speed} ({trial.tokens} tokens)"),
        _row("answer", json.dumps(trial.answer, ensure_ascii=False)),
        _row("resident", f"{size_text(trial.resident_bytes)}, at most {size_text(trial.peak_bytes)}"),
    ]
    return "\n".join(rows)
