"""Reports of one data folder as it is now, and as files to take away."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from arena.answers import FILE_NAME
from arena.errors import InputError
from arena.exports.export import ExportFolder
from arena.prompts import Prompt
from arena.report.blocks import Document
from arena.report.details import Details
from arena.report.document import make_document
from arena.report.facts import KnownModel
from arena.report.fonts import has_chinese_font
from arena.report.gather import gather
from arena.report.sources import sources_of
from arena.report.write import write_report
from arena.results.service import ResultsService


class Reports:
    """Reads answers anew each time, and says of the votes what `results` says. `answers` is the file that the host
    named, if any; else the data folder's."""

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
        self._shelf = ExportFolder("arena-report-")

    def document(self, lang: str, details: Details) -> Document:
        """The report now. Raises InputError if there is nothing to tell."""
        kept = self._data_dir / FILE_NAME
        answers = self._answers or (kept if kept.is_file() and kept.stat().st_size else None)
        store, figures = self._results.store, self._results.figures()
        sources = sources_of(store, answers, store.refresh(), figures)
        facts = gather(sources, self._prompts, self._known)
        return make_document(lang, facts, details, plot_language(lang))

    def write(self, document: Document, kind: str) -> Path:
        """The report as one file: `html`, `docx`, or `md`, which comes zipped with its plots. Raises InputError."""
        files = write_report(document, self._shelf.new_place(), (kind,))
        if kind != "md":
            return files[0]
        target = files[0].with_suffix(".zip")
        try:
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
                for path in files:
                    bundle.write(path, path.name)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The report cannot be written: {reason}."
            raise InputError("report_unwritable", message, reason=reason) from error
        return target


def plot_language(lang: str) -> str:
    """What plots are labelled in: a report's own language wherever this machine can set it."""
    return lang if lang == "en" or has_chinese_font() else "en"
