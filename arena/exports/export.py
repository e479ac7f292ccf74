"""Exports of all votes: one CSV, one Excel workbook, or a zip with every format."""

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from arena.append_log import part_number
from arena.errors import InputError, os_error_as
from arena.exports import formats
from arena.exports.formats import CLEAN_BATTLE, DATASET_INFO, LLAMA_FACTORY, PAIRS, TRL, Preferences, Reason
from arena.exports.tables import Add, votes_csv, votes_workbook, write_parquet
from arena.results.exclusions import excluded_raters
from arena.translations import read_table
from arena.types import ModelSpec, plain_id
from arena.votes.records import FIRST_PART
from arena.votes.store import ReadReport, Votes, VoteStore

KEEP_SECONDS, MOST_FOLDERS = 600.0, 32
_COMPRESSED = frozenset({".parquet", ".xlsx"})

Progress = Callable[[str, int, int], None]  # takes the name of a step, what it has done, and the total


def export_table(store: VoteStore, target: Path, progress: Progress = lambda *_: None) -> ReadReport:
    """Writes all votes as one CSV with exact text, or as a workbook if the target ends in .xlsx; see `votes_workbook`.

    Returns what was left out. Safe while votes are appended; the target is written atomically. Raises InputError.
    """
    writer = votes_workbook if target.suffix.lower() == ".xlsx" else votes_csv
    with _replacing(target, store) as draft, writer(draft) as add:
        votes = _read(store, progress)
        _feed(store, votes, [add], progress)
    return votes.report


def export_bundle(
    store: VoteStore, target: Path, known: Sequence[ModelSpec] = (), progress: Progress = lambda *_: None
) -> ReadReport:
    """Writes all votes into the zip `target` in every format, with the licences of the `known` models and checksums.

    As `export_table`; all files contain the same votes.
    """
    with _replacing(target, store) as draft:
        report = _write_files(store, draft.parent, known, progress)
        _zip(sorted(draft.parent.iterdir()), draft, progress)
    return report


@contextmanager
def _replacing(target: Path, store: VoteStore) -> Iterator[Path]:
    """The path of a draft that replaces the target in the end, in an empty folder. Raises InputError."""
    _check_target(target, store)
    with (
        os_error_as("export_unwritable", f"The export cannot be written to {target}", path=str(target)),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder,
    ):
        draft = Path(folder) / "draft"
        yield draft
        os.replace(draft, target)


def _feed(store: VoteStore, votes: Votes, adds: Sequence[Add], progress: Progress) -> None:
    """Adds every vote that counts to each of the files, in one pass over the log."""
    rows, size = max(len(votes.table), 1), votes.size
    for number, stored in enumerate(store.stored(votes.table)):
        progress("votes", number * size // rows, size)
        for add in adds:
            add(stored)
    progress("votes", size, size)


def _read(store: VoteStore, progress: Progress) -> Votes:
    return store.refresh(lambda done, total: progress("reading", done, total))


def _check_target(target: Path, store: VoteStore) -> None:
    """Raises InputError if the target contains the votes, or would be read as a part of their log."""
    files, resolved = {file.resolve() for file in store.paths()}, target.resolve()
    is_part = part_number(target.name, FIRST_PART) and resolved.parent in {file.parent for file in files}
    if resolved in files or is_part:
        raise InputError("export_into_log", f"{target} holds the votes: choose another file.", path=str(target))


def _write_files(store: VoteStore, folder: Path, known: Sequence[ModelSpec], progress: Progress) -> ReadReport:
    votes = _read(store, progress)
    with ExitStack() as files:
        preferences = files.enter_context(Preferences(folder, excluded_raters(votes)))
        writers = {
            FIRST_PART: votes_csv,
            "votes.xlsx": votes_workbook,
            CLEAN_BATTLE: formats.clean_battle,
            PAIRS: formats.pairs_csv,
        }
        adds = [files.enter_context(writer(folder / name)) for name, writer in writers.items()]
        _feed(store, votes, [*adds, preferences.add], progress)
        preferences.write()
    write_parquet(folder / FIRST_PART, folder / "votes.parquet", lambda done, total: progress("parquet", done, total))
    battles = int((votes.table["repeat_of"] == 0).sum())
    rows = {
        **dict.fromkeys((FIRST_PART, "votes.parquet", "votes.xlsx"), votes.report.rows),
        **dict.fromkeys((CLEAN_BATTLE, PAIRS), battles),
        **dict.fromkeys((TRL, LLAMA_FACTORY), preferences.pairs),
        **dict.fromkeys((DATASET_INFO, "LICENCES.txt")),
    }
    models = votes.table.used_names("model_a") | votes.table.used_names("model_b")
    (folder / "LICENCES.txt").write_text(_licences(models, known), encoding="utf-8")
    (folder / "README.md").write_text(card(rows, preferences), encoding="utf-8")
    return votes.report


def _licences(models: Collection[str], known: Sequence[ModelSpec]) -> str:
    lines = []
    for model in sorted(models):
        spec = spec_of(model, known)
        lines.append(f"{model}: {spec.licence} {spec.licence_url}".rstrip() if spec else f"{model}: not known / 未知")
    return "\n".join(lines) + "\n"


def spec_of(model: str, known: Iterable[ModelSpec]) -> ModelSpec | None:
    """The known model that a vote names, whatever its label, settings and precision; None if there is none."""
    specs = {spec.id: spec for spec in known}
    return specs.get(model) or specs.get(plain_id(model).partition("@")[0])


def _zip(paths: Sequence[Path], draft: Path, progress: Progress) -> None:
    """Compresses the files, with a list of their checksums."""
    done, total = 0, sum(path.stat().st_size for path in paths)
    sums = []
    # Level 6 takes three times as long as level 3 and saves a tenth.
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for path in paths:
            progress("zip", done, total)
            archive.write(path, path.name, zipfile.ZIP_STORED if path.suffix in _COMPRESSED else None)
            with path.open("rb") as file:
                sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
            done += path.stat().st_size
        archive.writestr("SHA256SUMS", "".join(sums))
    progress("zip", total, total)


class ExportFolder:
    """A temporary folder for files to download, deleted with this object.

    Each file gets a folder of its own. Folders older than KEEP_SECONDS are deleted, and the oldest beyond MOST_FOLDERS.
    """

    def __init__(self, prefix: str) -> None:
        # Deleted at the end of the process as well.
        self._owner = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self._root = Path(self._owner.name)

    def new_place(self) -> Path:
        """A new empty folder."""
        self._delete_old()
        folder = self._root / uuid4().hex
        folder.mkdir(parents=True)
        return folder

    def _delete_old(self) -> None:
        folders: list[tuple[float, Path]] = []
        for folder in self._root.iterdir() if self._root.exists() else ():
            with suppress(FileNotFoundError):  # another call deleted it
                folders.append((folder.stat().st_mtime, folder))
        for number, (modified, folder) in enumerate(sorted(folders, reverse=True), start=1):
            if number >= MOST_FOLDERS or time.time() - modified > KEEP_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


class Downloads:
    """Exports the votes of a data folder for download, anew for each call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exports = ExportFolder("arena-export-")

    def __call__(self, excel: bool) -> Path:
        """The path of a votes.csv, or of a votes.xlsx for spreadsheets. Raises InputError."""
        target = self._exports.new_place() / ("votes.xlsx" if excel else "votes.csv")
        export_table(VoteStore(self._folder), target)
        return target


# ---- README.md of the zip with all formats, which Hugging Face reads as the card of a dataset

_TEXTS = read_table(Path(__file__).with_name("texts.toml"))


def card(rows: Mapping[str, int | None], preferences: Preferences) -> str:
    """The text of README.md; `rows` has the number of rows of each file, None for files without rows."""
    counts = {name: "" if count is None else f" ({count})" for name, count in rows.items()}
    files = (f"- `{name}`{count}: {_TEXTS[name][1]} / {_TEXTS[name][0]}" for name, count in counts.items())
    left_out = (f"- {_TEXTS[reason][1]} / {_TEXTS[reason][0]}: {preferences.left_out[reason]}" for reason in Reason)
    # It lists only the votes as data: `datasets` reads all listed files with the reader of the first.
    template = Path(__file__).with_name("card.txt").read_text(encoding="utf-8")
    return template.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        files="\n".join(files),
        preferences=preferences,
        left_out="\n".join(left_out),
        trl=TRL,
        llama_factory=LLAMA_FACTORY,
    )
