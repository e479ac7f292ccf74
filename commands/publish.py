"""`publish`: makes a public dataset of the votes whose raters agreed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import os_error_as
from arena.events import read_events
from arena.judging.moderation import read_words
from backends.models.catalog import EMBEDDED, FETCHED
from backup.datasets import upload_publication
from commands import errors_in_one_line
from commands.options import AsJson, DataDir, Words, vote_store
from commands.progress import StatusLine
from hubs import named_dataset
from ui.texts import language_of_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arena.exports.publication import Publication

_STEPS = {"reading": "reading votes", "checking": "looking for personal data", "parquet": "writing votes.parquet"}


def publish(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="hf:OWNER/NAME or modelscope:OWNER/NAME.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Write the files there, and send nothing.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="BATTLE", help="Publish this battle although it may hold personal data; or all."),
    ] = None,
    words: Words = None,
    licence: Annotated[str, typer.Option(metavar="ID", help="The licence of the votes, for the card.")] = "other",
    yes: Annotated[bool, typer.Option("--yes", help="Publish without a question.")] = False,
    data_dir: DataDir = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Publish votes whose raters agreed to it.

    The result is a dataset that everybody can read, with votes.parquet, votes.csv and a card. Votes without consent and
    those on hidden or reported battles are left out. What may be personal data is listed, and its battles are left out
    as well. Nothing is sent without a yes.
    """
    with errors_in_one_line(as_json, dataset=dataset), tempfile.TemporaryDirectory(prefix="arena-publish-") as work:
        target = named_dataset(dataset)
        publication = _written(Path(work), data_dir, keep or (), words, licence)
        say = partial(typer.echo, err=as_json)
        say("\n".join(_summary(publication)))
        sent = False
        if to:
            _copy(Path(work), to)
            say(_text("written", folder=to))
        elif yes or _agreed(publication, dataset, say):
            with redirect_stdout(sys.stderr):  # ModelScope's library prints its steps
                upload_publication(target, Path(work))
            say(_text("published", votes=publication.votes, place=dataset))
            sent = True
    if as_json:
        result = {
            "dataset": dataset,
            "sent": sent,
            "votes": publication.votes,
            "raters": len(publication.judges),
            "left_out": publication.left_out,
            "findings": [asdict(finding) for finding in publication.findings],
        }
        typer.echo(json.dumps(result, ensure_ascii=False))
    if not (sent or to):
        raise SystemExit(1)


def _written(folder: Path, data_dir: Path, keep: Sequence[str], words: Path | None, licence: str) -> Publication:
    from arena.exports.publication import Screening, write_publication

    screening = Screening(read_events(data_dir), read_words(words) if words else (), keep)
    known = (*FETCHED.values(), *EMBEDDED.values())
    with StatusLine() as line:
        return write_publication(
            vote_store(None, data_dir),
            screening,
            folder,
            known,
            licence,
            lambda step, done, total: line.show(_STEPS[step], done, total),
        )


def _text(key: str, **fields: object) -> str:
    """A text in the host's language."""
    from arena.exports.publication import TEXTS

    return TEXTS.text(language_of_system(os.environ), key, **fields)


def _summary(publication: Publication) -> Iterator[str]:
    if publication.findings:
        yield _text("found", count=len(publication.findings))
        for finding in publication.findings:
            yield _text("found_line", **{**asdict(finding), "kind": _text(finding.kind)})
        if publication.left_out["personal"]:
            yield _text("found_hint")
    yield _text("counted", votes=publication.votes, raters=len(publication.judges))
    for reason, count in publication.left_out.items():
        if count:
            yield _text("omitted", count=count, reason=_text(reason))


def _copy(work: Path, folder: Path) -> None:
    with os_error_as("publish_unwritable", f"The files cannot be written to {folder}", path=str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for path in work.iterdir():
            shutil.copy(path, folder)


def _agreed(publication: Publication, dataset: str, say: Callable[..., None]) -> bool:
    """Whether the host says yes. Nobody is asked where nobody can answer."""
    if not sys.stdin.isatty():
        say(_text("unanswered"))
        return False
    if typer.confirm(_text("question", votes=publication.votes, place=dataset), err=True):
        return True
    say(_text("declined"))
    return False
