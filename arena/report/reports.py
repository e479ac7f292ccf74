"""The report of one data folder as the page offers it: a document now, and files to download."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from arena.answers import read_recorded
from arena.errors import InputError
from arena.exports.export import ExportFolder
from arena.prompts import Prompt
from arena.report.blocks import Document
from arena.report.facts import Details, KnownModel
from arena.report.formats import write_report
from arena.report.gather import Sources, answers_of, gather
from arena.report.sections import make_document
from arena.results.service import ResultsService

_CHINESE_FONTS = re.compile(
    r"(?:noto.*(?:cjk|sc-|hans)|source.?han|msyh|simsun|simhei|simkai|deng|pingfang|st(?:heiti|song|kaiti)|songti|heiti"
    r"|hiragino|wqy|wenquanyi|droidsansfallback|ukai|uming|sarasa|lxgw|harmonyos.*sc|misans|alibaba).*\.(?:tt|ot)[fc]$",
    re.IGNORECASE,
)


class Reports:
    """Makes reports that agree with the results page.

    Answers are read anew each time, from `answers` (a file that the host named) or else from the data folder.
    """

    def __init__(
        self,
        results: ResultsService,
        data_dir: Path,
        answers: Path | None,
        prompts: Sequence[Prompt],
        known: Sequence[KnownModel],
    ) -> None:
        self._results = results
        self._data_dir = data_dir
        self._answers = answers
        self._prompts = prompts
        self._known = known
        self._folder = ExportFolder("arena-report-")

    def document(self, lang: str, details: Details) -> Document:
        """The report as of now. Raises InputError if there is nothing to report."""
        path = self._answers or answers_of(self._data_dir)
        store, figures = self._results.store, self._results.figures()
        sources = Sources(read_recorded(path) if path else (), store, store.refresh(), figures)
        facts = gather(sources, self._prompts, self._known)
        return make_document(lang, facts, details, plot_language(lang))

    def write(self, document: Document, kind: str) -> Path:
        """The report as one file: `html`, `docx`, or `md`, which is zipped with its plots. Raises InputError."""
        files = write_report(document, self._folder.new_place(), (kind,))
        if kind != "md":
            return files[0]
        target = files[0].with_suffix(".zip")
        try:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in files:
                    archive.write(path, path.name)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The report cannot be written: {reason}."
            raise InputError("report_unwritable", message, reason=reason) from error
        return target


def plot_language(lang: str) -> str:
    """The language of plot labels: the report's own, or English if this machine has no Chinese font."""
    return lang if lang == "en" or has_chinese_font() else "en"


def font_folders() -> list[Path]:
    """Where common systems keep fonts."""
    home = Path.home()
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".fonts",
        home / ".local/share/fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library/Fonts",
        Path("C:/Windows/Fonts"),
    ]


def has_chinese_font(folders: Iterable[Path] | None = None) -> bool:
    """Judged by file names: opening each font would take longer than the rest of a report."""
    return any(
        _CHINESE_FONTS.search(name)
        for folder in (font_folders() if folders is None else folders)
        for _, _, files in os.walk(folder)
        for name in files
    )
