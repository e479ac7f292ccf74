"""All votes to take away in one zip: every form, what they are, the models' licences and checksums."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from arena.exports.card import card
from arena.exports.export import (
    Progress,
    VoteFile,
    VotesCsv,
    VotesWorkbook,
    check_target,
    feed,
    no_progress,
    unwritable,
)
from arena.exports.formats import CleanBattle, Pairs
from arena.exports.parquet import write_parquet
from arena.exports.preferences import LLAMA_FACTORY, TRL, Preferences
from arena.types import ModelSpec
from arena.votes.store import ReadReport, StoredVote, VoteStore

_COMPRESSED = frozenset({".parquet", ".xlsx"})


def export_bundle(
    store: VoteStore, target: Path, known: Sequence[ModelSpec] = (), progress: Progress = no_progress
) -> ReadReport:
    """Write all votes into the zip `target`; tells what was left out. `known` have licences.

    Safe while votes are appended: all files hold the same votes. The target appears whole or not at all. Raises
    InputError if it cannot be written.
    """
    check_target(target, store)
    with unwritable(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as work:
        place = Path(work)
        report = _write_files(store, place, known, progress)
        draft = place / "draft.zip"
        _zip(sorted(place.iterdir()), draft, progress)
        os.replace(draft, target)
    return report


class _Models:
    """The ids of all models that a vote is about."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def add(self, stored: StoredVote) -> None:
        """Every vote."""
        self.ids |= {stored.vote.battle.a.model.id, stored.vote.battle.b.model.id}


def _write_files(store: VoteStore, place: Path, known: Sequence[ModelSpec], progress: Progress) -> ReadReport:
    models = _Models()
    with ExitStack() as open_files:
        battles, pairs = (open_files.enter_context(kind(place)) for kind in (CleanBattle, Pairs))
        preferences = open_files.enter_context(Preferences(place))
        tables = (
            open_files.enter_context(VotesCsv(place / "votes.csv")),
            open_files.enter_context(VotesWorkbook(place / "votes.xlsx")),
        )
        files: list[VoteFile] = [*tables, battles, pairs, preferences, models]
        report = feed(store, files, progress)
        preferences.write()
    write_parquet(place / "votes.csv", place / "votes.parquet", lambda done, total: progress("parquet", done, total))
    rows = dict.fromkeys(("votes.csv", "votes.parquet", "votes.xlsx"), report.rows)
    rows |= {battles.name: battles.rows, pairs.name: pairs.rows, TRL: preferences.pairs}
    rows |= {LLAMA_FACTORY: preferences.pairs}
    (place / "LICENCES.txt").write_text(_licences(models.ids, known), encoding="utf-8")
    (place / "README.md").write_text(card(rows, preferences), encoding="utf-8")
    return report


def _licences(models: Collection[str], known: Sequence[ModelSpec]) -> str:
    specs = {spec.id: spec for spec in known}
    lines = []
    for model in sorted(models):
        spec = specs.get(model)
        lines.append(f"{model}: {spec.licence} {spec.licence_url}".rstrip() if spec else f"{model}: not known / 未知")
    return "\n".join(lines) + "\n"


def _zip(paths: Sequence[Path], draft: Path, progress: Progress) -> None:
    """Pack the files, with a list of their checksums."""
    done, total = 0, sum(path.stat().st_size for path in paths)
    sums = []
    # Level 6 takes three times as long as 3 for a tenth less.
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for path in paths:
            progress("zip", done, total)
            archive.write(path, path.name, zipfile.ZIP_STORED if path.suffix in _COMPRESSED else None)
            sums.append(f"{_sha256(path)}  {path.name}\n")
            done += path.stat().st_size
        archive.writestr("SHA256SUMS", "".join(sums))
    progress("zip", total, total)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
