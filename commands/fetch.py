"""`fetch`: downloads published models into the models folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from arena.errors import ArenaError
from arena.needs import USUAL_RATE, Needs, Room, pair_memory
from arena.translations import time_text
from backends.fetching.fetch import Fetched, by_hand
from backends.fetching.fetch import fetch as fetch_model
from backends.fetching.plan import as_fetched, needs_of, room_here, to_download
from backends.folder.manifest import Manifest
from backends.folder.packed import is_here, packed_folder
from backends.machine.memory import available_bytes
from backends.models.catalog import FETCHED, PUBLISHED
from backends.models.downloads import Download, fetched_folder, models_dir
from commands import INTERRUPTED, errors_in_one_line, print_error, resumable
from commands.options import AsJson, DropOriginal
from commands.progress import StatusLine, size_text
from commands.quantize import quantize_fetched
from hubs import Hub, hub_module


def fetch(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL", help="Model ids, such as qwen-7b-chat, or repositories, such as hf:OWNER/NAME."
        ),
    ] = None,
    hub: Annotated[
        Literal["huggingface", "modelscope"] | None, typer.Option(help="The hub; by default the first that answers.")
    ] = None,
    verify: Annotated[bool, typer.Option(help="Check the hash of every file again.")] = False,
    drop_original: DropOriginal = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what the models need: download, disk, memory and licence.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Download models from Hugging Face or ModelScope.

    Downloads into the folder ARENA_MODELS_DIR (default: models) and resumes where it stopped. MODEL@int4 (or @int8) is
    downloaded and then quantized. Without a MODEL, lists the models of the catalogue.

    Any repository: hf:OWNER/NAME or modelscope:OWNER/NAME (also NAME@REVISION), or a GGUF file in one:
    hf:OWNER/NAME/FILE.gguf or hf:OWNER/NAME:Q4_K_M. Its small files decide first whether it can run here.
    """
    if not models:
        _list_models(as_json)
        return
    # The hubs' libraries would print a line for each of their tries.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "CRITICAL")
    if plan:
        with errors_in_one_line(as_json), resumable():
            _plan(tuple(dict.fromkeys(models)), hub, as_json)
        return
    has_failed = False
    for name in dict.fromkeys(models):
        try:
            with resumable():
                _fetch_one(as_fetched(name), hub, verify, drop_original, as_json)
        except ArenaError as error:
            has_failed = True
            print_error(error, as_json, model=name)
            if error.code == "fetch_offline":
                typer.echo(by_hand(to_download(as_fetched(name))[0]), err=True)
    if has_failed:
        raise typer.Exit(2)


def _plan(names: Sequence[str], hub: Hub | None, as_json: bool) -> None:
    """Prints what the models need. Raises ArenaError if one cannot run here, or if disk or memory is short."""
    needs = []
    for name in names:
        needs.append(needs_of(name, hub))
        typer.echo(json.dumps({**asdict(needs[-1]), "state": "planned"}) if as_json else _needs_line(needs[-1]))
    free = room_here()
    if not as_json:
        typer.echo(_room_line(needs, free))
    free.check(needs)


def _needs_line(need: Needs) -> str:
    parts = [f"{size_text(need.download)} to download" if need.download else "nothing to download"]
    parts += [f"{size_text(need.quantize)} to quantize"] if need.quantize else []
    parts += [f"{size_text(need.memory)} of memory"] if need.memory else []
    licence = " ".join(filter(None, (need.licence, need.licence_url and f"({need.licence_url})")))
    return f"{need.title}: {', '.join(parts)}. Licence: {licence or 'unknown'}"


def _room_line(needs: Sequence[Needs], free: Room) -> str:
    download, disk = (sum(getattr(need, name) for need in needs) for name in ("download", "disk"))
    time = f", {time_text(download / USUAL_RATE)} at {size_text(USUAL_RATE)} a second" if download else ""
    return (
        f"Total: {size_text(download)} to download{time}; {size_text(disk)} of disk, {size_text(free.disk)} free; "
        f"{size_text(pair_memory(needs))} of memory for two at once, {size_text(free.memory)} free"
    )


def _list_models(as_json: bool) -> None:
    """Prints every model that can be downloaded: id, size, whether it is here, licence."""
    for name, published in PUBLISHED.items():
        spec, here = FETCHED[name], (models_dir() / name).is_dir()
        if as_json:
            size = published.weight_bytes
            result = {"model": name, "bytes": size, "here": here, "licence": spec.licence, "url": spec.licence_url}
            typer.echo(json.dumps(result, ensure_ascii=False))
        else:
            state = "here" if here else ""
            typer.echo(f"{name:<20} {size_text(published.weight_bytes):>9}  {state:<4}  {spec.licence}")


def fetch_missing(names: Iterable[str], app: Path) -> None:
    """Downloads (and quantizes) the models that are downloaded by name and missing, before the page is up.

    In a process of its own: a hub's library reads at import time whether it may use the network, and in the page's
    process it may not.
    """
    folders = {name: fetched_folder(name) for name in map(as_fetched, names)}
    missing = [name for name, folder in folders.items() if folder and not is_here(folder)]
    if not missing:
        return
    try:
        done = subprocess.run([sys.executable, str(app), "fetch", *missing], check=False, env=os.environ)
    except KeyboardInterrupt:
        # The other process has already printed how to resume.
        raise typer.Exit(INTERRUPTED) from None
    if done.returncode:
        raise typer.Exit(done.returncode)


def _fetch_one(name: str, hub: Hub | None, verify: bool, drop: bool, as_json: bool) -> None:
    """Downloads the model, and quantizes it for MODEL@int4. Raises InputError or BackendError."""
    model, precision = to_download(name)
    # The original of a packed folder may have been deleted since.
    if not precision or not is_here(packed_folder(model.folder, precision)):
        _download(model, precision, hub, verify, as_json)
    if precision:
        quantize_fetched(model, precision, drop, as_json)


def _download(model: Download, precision: str, hub: Hub | None, verify: bool, as_json: bool) -> None:
    say: Callable[[str], None] = (lambda line: None) if as_json else typer.echo
    memory: dict[str, int] = {}

    def begin(manifest: Manifest, missing: int) -> None:
        repo, hosted = manifest.repo, hub_module(manifest.hub)
        say(f"{model.name}: {repo.id} at {repo.revision} on {hosted.NAME}")
        say(f"Licence: {f'{model.licence} ({model.licence_url})' if model.licence else f'see {hosted.page(repo)}'}")
        say(f"{len(manifest.files)} files, {size_text(missing)} to download")

    def weigh(needed: Mapping[str, int]) -> None:
        memory.update(needed)
        each = ", ".join(f"{size_text(size)} as {precision}" for precision, size in needed.items())
        say(f"Memory: about {each}; {size_text(available_bytes())} free")

    with StatusLine(in_bytes=True, state="downloading") as line:
        fetched = fetch_model(model, precision, hub, anew=verify, begin=begin, weigh=weigh, report=line.show)
    _say_result(fetched, memory, as_json, "by every hash" if verify else "by its sizes")


def _say_result(fetched: Fetched, memory: Mapping[str, int], as_json: bool, how: str) -> None:
    model, manifest, state = fetched.model, fetched.manifest, "fetched" if fetched.came else "present"
    if as_json:
        result = {
            "model": model.id, "state": state, "folder": str(fetched.folder), "hub": manifest.hub,
            "repo": manifest.repo.id, "revision": manifest.repo.revision, "bytes": manifest.size, "came": fetched.came,
            "files": len(manifest.files), "memory": memory, "unhashed_weights": list(fetched.unhashed_weights),
        }  # fmt: skip
        typer.echo(json.dumps(result))
        return
    if state == "present":
        typer.echo(f"{model.id} is here already and whole {how}: {fetched.folder}")
        return
    typer.echo(f"{model.id} is ready at {fetched.folder} ({size_text(manifest.size)}, checked)")
    if fetched.unhashed_weights:
        names = ", ".join(fetched.unhashed_weights)
        typer.echo(f"The hub lists no sha256 for {names}: size and form alone were checked.")
