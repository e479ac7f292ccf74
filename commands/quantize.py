"""`quantize`: writes a quantized copy of a checkpoint folder beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.errors import InputError
from backends.machine import share_cores
from commands import errors_in_one_line
from commands.progress import StatusLine, size_text

if TYPE_CHECKING:
    from arena.types import ModelSpec
    from backends.packed.pack import Job

INTERRUPTED = 130
Precision = Literal["int4", "int8"]


def quantize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A fetched model's id, or a checkpoint folder.")],
    precision: Annotated[Precision, typer.Option(help="Bits of a weight.")] = "int4",
    group: Annotated[int, typer.Option(help="Neighbours that share a scale (int4): 32, 64 or 128.")] = 32,
    best: Annotated[
        bool, typer.Option("--best", help="Round by what the layers compute (int4); takes longer.")
    ] = False,
    drop_original: Annotated[bool, typer.Option("--drop-original", help="Then delete the original's weights.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Make MODEL@int4 beside a MODEL's folder, a third of its size. Goes on where it stopped.

    Nothing of the original changes, unless --drop-original is given: it goes when every hash of the new folder is
    verified and the new model has answered.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with errors_in_one_line(as_json, model=model):
        from backends.models.resolve import resolve

        job = packing_job(resolve(model), precision, group, best)
        present = make_packed(job)
        freed = _drop_original(job) if drop_original else 0
    _say(job.target, present, freed, as_json)


def quantize_fetched(name: str, drop_original: bool, as_json: bool) -> None:
    """Have MODEL@int4 of the catalog beside its original, as quantize makes it. Raises InputError or BackendError."""
    from backends.models.resolve import fetched_spec, is_folder, models_dir, packed_spec

    model_id, _, precision = name.partition("@")
    try:
        there = Path(packed_spec(model_id, precision).source)
    except InputError as error:
        if error.code != "packed_missing":
            raise
    else:
        # A run may have been stopped between making it and dropping the original.
        original = drop_original and is_folder(str(models_dir() / model_id))
        _say(there, True, _drop_original(_job_of(there, model_id, precision)) if original else 0, as_json)
        return
    job = packing_job(fetched_spec(model_id), precision)
    make_packed(job)
    _say(job.target, False, _drop_original(job) if drop_original else 0, as_json)


def _job_of(there: Path, model_id: str, precision: str) -> Job:
    """The job that a packed folder came of. Raises InputError if its original is another one by now."""
    from backends.folder.packed import read_packed
    from backends.models.resolve import fetched_spec

    made = read_packed(there)
    job = packing_job(fetched_spec(model_id), precision, made.group or 32, made.method == "gptq")
    job.is_done()
    return job


def packing_job(spec: ModelSpec, precision: str, group: int = 32, best: bool = False) -> Job:
    """What is to be made of the model. Raises InputError for what cannot be packed."""
    from backends.folder.packed import GROUPS, PackedInfo, packed_folder, stamp_of
    from backends.packed.pack import Job

    if spec.runtime != "transformers" or spec.precision not in ("bf16", "fp32"):
        message = f"{spec.id} cannot be quantized: a checkpoint folder with its original weights is needed."
        raise InputError("quantize_unfit", message, model=spec.id)
    if group not in GROUPS:
        raise InputError("quantize_group", f"--group is 32, 64 or 128, not {group}.", group=group)
    if best and precision != "int4":
        raise InputError("quantize_best", "--best is for int4; 8 bits need no better rounding.")
    source = Path(spec.source)
    method, group = ("gptq" if best else "nearest"), (group if precision == "int4" else 0)
    info = PackedInfo(precision, group, method, spec.id.partition("@")[0], spec.revision, stamp_of(source))
    return Job(source, packed_folder(source, precision), info)


def make_packed(job: Job) -> bool:
    """Make the folder, with progress on stderr; whether it was there already. Raises InputError or BackendError."""
    from backends.packed.pack import pack

    if job.is_done():
        return True
    bar = StatusLine(in_bytes=True)
    try:
        pack(job, lambda done, total, words: bar.show(words, done, total))
    except KeyboardInterrupt:
        bar.finish()
        typer.echo("Stopped. Run the same command again to go on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        bar.finish()
    return False


def _drop_original(job: Job) -> int:
    """Deletes the original's weights once the packed folder has proved itself; how many bytes that frees."""
    from backends.checking import try_out
    from backends.folder.contents import verify_listed
    from backends.models.resolve import folder_spec
    from backends.packed.pack import drop_weights

    spec = folder_spec(job.target)
    verify_listed(spec, lambda name, size: None)
    try_out(spec)
    return drop_weights(job)


def _say(folder: Path, present: bool, freed: int, as_json: bool) -> None:
    from backends.folder.packed import read_packed

    info = read_packed(folder)
    size = sum(file.size for file in info.files)
    if as_json:
        state = "present" if present else "made"
        result = {"model": folder.name, "state": state, "folder": str(folder), "bytes": size, "freed": freed}
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo(f"{folder} {'is there already' if present else 'is ready'} ({size_text(size)})")
    if freed:
        typer.echo(f"The original's weights are deleted: {size_text(freed)} free again.")
