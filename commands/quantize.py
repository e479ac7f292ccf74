"""`quantize`: writes a quantized copy of a checkpoint folder beside it."""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from arena.errors import InputError
from arena.types import ModelSpec
from backends.checking import try_out
from backends.families.support import checked_support
from backends.folder.contents import read_checkpoint
from backends.folder.packed import GROUPS, PackedInfo, is_here, packed_folder, read_packed, stamp_of
from backends.folder.verified import verify_listed
from backends.machine import share_cores
from backends.models.downloads import Download
from backends.models.resolve import fetched_spec, folder_spec, resolve
from backends.packed.pack import Job, drop_weights, pack
from commands import errors_in_one_line, resumable
from commands.options import AsJson, DropOriginal
from commands.progress import StatusLine, size_text

Precision = Literal["int4", "int8"]


def quantize(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A downloaded model (an id or hf:OWNER/NAME), or a checkpoint folder."),
    ],
    precision: Annotated[Precision, typer.Option(help="The format of the new weights.")] = "int4",
    group: Annotated[int, typer.Option(help="Weights per scale (int4): 32, 64 or 128.")] = 32,
    best: Annotated[
        bool, typer.Option("--best", help="Minimize the error of each layer's output (int4); takes longer.")
    ] = False,
    drop_original: DropOriginal = False,
    as_json: AsJson = False,
) -> None:
    """Quantize a model to int4 or int8.

    Writes the folder MODEL@int4, a third of the size, beside the original, and resumes where it stopped. The original
    stays unless --drop-original is given: then its weights are deleted once the hashes of the new folder are verified
    and the new model has answered.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with errors_in_one_line(as_json, model=model), resumable():
        _pack(packing_job(resolve(model), precision, group, best), drop_original, as_json)


def quantize_fetched(model: Download, precision: str, drop_original: bool, as_json: bool) -> None:
    """Makes MODEL@int4 of a downloaded model beside its original. Raises InputError or BackendError."""
    folder = packed_folder(model.folder, precision)
    if not is_here(folder):
        _pack(packing_job(fetched_spec(model), precision), drop_original, as_json)
        return
    if not (drop_original and model.folder.is_dir()):
        _say(folder, True, 0, as_json)
        return
    # A run may have been stopped between making the folder and dropping the original.
    info = read_packed(folder)
    _pack(packing_job(fetched_spec(model), precision, info.group or 32, info.method == "gptq"), True, as_json)


def packing_job(spec: ModelSpec, precision: str, group: int = 32, best: bool = False) -> Job:
    """The job of quantizing the model. Raises InputError if it cannot be quantized."""
    if spec.runtime != "transformers" or spec.precision not in ("bf16", "fp32"):
        message = f"{spec.id} cannot be quantized: a checkpoint folder with its original weights is needed."
        raise InputError("quantize_unfit", message, model=spec.id)
    if group not in GROUPS:
        raise InputError("quantize_group", f"--group is 32, 64 or 128, not {group}.", group=group)
    if best and precision != "int4":
        raise InputError("quantize_best", "--best is for int4; 8 bits need no better rounding.")
    source = Path(spec.source)
    checked_support(read_checkpoint(source), precision)
    info = PackedInfo(
        precision=precision,
        group=group if precision == "int4" else 0,
        method="gptq" if best else "nearest",
        source=spec.plain_id.removesuffix(f"@{spec.precision}"),
        revision=spec.revision,
        stamp=stamp_of(source),
    )
    return Job(source, packed_folder(source, precision), info)


def _pack(job: Job, drop_original: bool, as_json: bool) -> None:
    """Makes the folder if it does not exist. Raises InputError or BackendError."""
    present = job.is_done()
    if not present:
        with StatusLine(in_bytes=True, state="quantizing") as line:
            pack(job, lambda done, total, words: line.show(words, done, total))
    _say(job.target, present, _drop_original(job) if drop_original else 0, as_json)


def _drop_original(job: Job) -> int:
    """Deletes the original's weights if the packed folder is complete and answers; returns the bytes freed."""
    spec = folder_spec(job.target)
    verify_listed(spec, lambda name, size: None)
    try_out(spec)
    return drop_weights(job)


def _say(folder: Path, present: bool, freed: int, as_json: bool) -> None:
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
