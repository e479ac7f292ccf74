"""`fetch`: downloads published models into the models folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.errors import ArenaError, InputError
from backends.models.resolve import PACKED, PRECISIONS

if TYPE_CHECKING:
    from arena.types import ModelSpec
    from backends.fetching.fetch import Fetched
    from backends.folder.manifest import Manifest
    from backends.models.catalog import Published
    from hubs import Hub

INTERRUPTED = 130


def fetch(
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL...", help="Ids, as qwen-7b-chat.")] = None,
    hub: Annotated[
        Literal["huggingface", "modelscope"] | None, typer.Option(help="Where from; else who answers first.")
    ] = None,
    verify: Annotated[bool, typer.Option(help="Compare what is here already with every hash again.")] = False,
    drop_original: Annotated[
        bool, typer.Option("--drop-original", help="After MODEL@int4: delete the original's weights.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a model instead of prose.")] = False,
) -> None:
    """Fetch models from Hugging Face or ModelScope into ./models (ARENA_MODELS_DIR). Goes on where it stopped.

    MODEL@int4 (or @int8) is fetched and then quantized. Without a MODEL it lists those that can be fetched.
    """
    if not models:
        _list_models(as_json)
        return
    _quieten_libraries()
    try:
        # One that fails does not keep the others away.
        whole = [_fetch_one(name, hub, verify, drop_original, as_json) for name in dict.fromkeys(models)]
    except KeyboardInterrupt:
        typer.echo("Stopped. Run the same command again to go on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if not all(whole):
        raise typer.Exit(2)


def published_model(name: str) -> tuple[ModelSpec, Published]:
    """The model and where it is to be had. Raises InputError if it needs no fetching or is not known."""
    from backends.models.catalog import EMBEDDED, FETCHED, PUBLISHED

    if name in PUBLISHED and name in FETCHED:
        return FETCHED[name], PUBLISHED[name]
    if name in EMBEDDED or name.endswith(".gguf") or name.startswith("scripted:") or Path(name).is_dir():
        raise InputError("fetch_needless", f"{name} needs no fetching: it runs from what is on this machine.")
    known = ", ".join(PUBLISHED) or "none yet"
    raise InputError("fetch_unknown", f"There is no model {name!r} to fetch. Known: {known}.", model=name)


def _list_models(as_json: bool) -> None:
    """Every model that can be fetched: id, size, whether it is here, licence."""
    from backends.models.catalog import FETCHED, PUBLISHED
    from backends.models.resolve import is_folder, models_dir
    from commands.progress import size_text

    for name, published in PUBLISHED.items():
        spec, here = FETCHED[name], is_folder(str(models_dir() / name))
        if as_json:
            size = published.weight_bytes
            result = {"model": name, "bytes": size, "here": here, "licence": spec.licence, "url": spec.licence_url}
            typer.echo(json.dumps(result, ensure_ascii=False))
        else:
            state = "here" if here else ""
            typer.echo(f"{name:<20} {size_text(published.weight_bytes):>9}  {state:<4}  {spec.licence}")


def fetch_missing(names: Iterable[str], app: Path) -> None:
    """Fetch (and quantize) those of the models that the catalogue knows and that are not here, before the page is up.

    In a process of its own: the hub's library reads as it is imported whether it may use the network, and for the
    page it may not.
    """
    from backends.models.catalog import FETCHED
    from backends.models.resolve import is_folder, models_dir

    ids = dict.fromkeys(_as_fetched(name.strip()) for name in names)
    missing = [name for name in ids if name.partition("@")[0] in FETCHED and not is_folder(str(models_dir() / name))]
    if not missing:
        return
    try:
        done = subprocess.run([sys.executable, str(app), "fetch", *missing], check=False, env=os.environ)
    except KeyboardInterrupt:
        # The other process has said already how to go on.
        raise typer.Exit(INTERRUPTED) from None
    if done.returncode:
        raise typer.Exit(done.returncode)


def _as_fetched(name: str) -> str:
    """The folder that a name needs: a packed one has its precision in its name, the others share one."""
    base, _, precision = name.rpartition("@")
    return base if base and precision in PRECISIONS and precision not in PACKED else name


def _quieten_libraries() -> None:
    """What goes wrong is said by our line; the hubs' libraries would add a line for every try of theirs."""
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "CRITICAL")


def _fetch_one(name: str, hub: Hub | None, verify: bool, drop: bool, as_json: bool) -> bool:
    """Whether the model is there now; if not, the reason has been said."""
    from backends.models.resolve import is_folder, models_dir

    base, _, precision = name.partition("@")
    try:
        spec, published = published_model(base if precision in PACKED else name)
    except InputError as error:
        _say_failure(name, error, as_json)
        return False
    packed = precision in PACKED
    # Made from an original that may have been dropped since: nothing to fetch for it.
    there = packed and is_folder(str(models_dir() / name))
    if not there and not _bring(spec, published, hub, verify, as_json):
        return False
    return not packed or _pack(name, drop, as_json)


def _pack(name: str, drop: bool, as_json: bool) -> bool:
    """The same for MODEL@int4, whose original is here, or which is here itself."""
    from commands.quantize import quantize_fetched

    try:
        quantize_fetched(name, drop, as_json)
    except ArenaError as error:
        _say_failure(name, error, as_json)
        return False
    return True


def _say_failure(name: str, error: ArenaError, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"model": name, "state": "failed", "code": error.code, "error": str(error)}))
    typer.echo(f"Error: {error}", err=True)


def _bring(spec: ModelSpec, published: Published, hub: Hub | None, verify: bool, as_json: bool) -> bool:
    from backends.fetching.fetch import Progress, Surroundings, by_hand
    from backends.fetching.fetch import fetch as fetch_model
    from commands.progress import StatusLine

    bar = StatusLine(in_bytes=True)

    def begin(manifest: Manifest, missing: int) -> None:
        if not as_json:
            _say_plan(spec, manifest, missing)

    def report(progress: Progress) -> None:
        bar.show(f"{'checking ' if progress.checking else ''}{progress.file}", progress.done, progress.total)

    try:
        fetched = fetch_model(spec, published, hub, Surroundings(begin, report), anew=verify)
    except ArenaError as error:
        bar.finish()
        _say_failure(spec.id, error, as_json)
        if error.code == "fetch_offline":
            typer.echo(by_hand(spec, published), err=True)
        return False
    finally:
        bar.finish()
    _say_result(spec, fetched, as_json, "by every hash" if verify else "by its sizes")
    return True


def _say_plan(spec: ModelSpec, manifest: Manifest, missing: int) -> None:
    from commands.progress import size_text
    from hubs import hub_module

    repo = manifest.repo
    typer.echo(f"{spec.name}: {repo.id} at {repo.revision} on {hub_module(manifest.hub).NAME}")
    if spec.licence:
        typer.echo(f"Licence: {spec.licence} ({spec.licence_url})")
    typer.echo(f"{len(manifest.files)} files, {size_text(missing)} to fetch")


def _say_result(spec: ModelSpec, fetched: Fetched, as_json: bool, how: str) -> None:
    from commands.progress import size_text

    manifest, state = fetched.manifest, "fetched" if fetched.came else "present"
    total = sum(file.size for file in manifest.files)
    if as_json:
        result = {
            "model": spec.id, "state": state, "folder": str(fetched.folder), "hub": manifest.hub,
            "repo": manifest.repo.id, "revision": manifest.repo.revision, "bytes": total, "came": fetched.came,
            "files": len(manifest.files), "unhashed_weights": list(fetched.unhashed_weights),
        }  # fmt: skip
        typer.echo(json.dumps(result))
        return
    if state == "present":
        typer.echo(f"{spec.id} is here already and whole {how}: {fetched.folder}")
        return
    typer.echo(f"{spec.id} is ready at {fetched.folder} ({size_text(total)}, checked)")
    if fetched.unhashed_weights:
        names = ", ".join(fetched.unhashed_weights)
        typer.echo(f"The hub lists no sha256 for {names}: size and form alone were checked.")
