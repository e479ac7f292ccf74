"""The report of one data folder as the page offers it: a document now, and files to download."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arena.answers import answers_of, read_recorded
from arena.errors import os_error_as
from arena.exports.export import ExportFolder
from arena.prompts import Prompt
from arena.recorded import Recorded
from arena.report.blocks import Document
from arena.report.facts import Details, KnownModel
from arena.report.formats import write_report
from arena.report.gather import Sources, gather
from arena.report.sections import make_document
from arena.results.service import ResultsService

_CHINESE_FONTS = re.compile(
    r"(?:noto.*(?:cjk|sc-|hans)|source.?han|msyh|simsun|simhei|simkai|deng|pingfang|st(?:heiti|song|kaiti)|songti|heiti"
    r"|hiragino|wqy|wenquanyi|droidsansfallback|ukai|uming|sarasa|lxgw|harmonyos.*sc|misans|alibaba).*\.(?:tt|ot)[fc]$",
    re.IGNORECASE,
)
_FONT_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),  # Linux
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),  # macOS
    "C:/Windows/Fonts",
)


@dataclass(frozen=True)
class Reports:
    """Makes reports that agree with the results page.

    Answers are read anew each time, from `answers` (a file that the host named) or else from the data folder.
    """

    results: ResultsService
    data_dir: Path
    answers: Path | None
    prompts: Sequence[Prompt]
    known: Sequence[KnownModel]
    _folder: ExportFolder = field(default_factory=lambda: ExportFolder("arena-report-"))

    def models(self) -> dict[str, str]:
        """The names of the models that a report may compare, by id. Raises InputError for malformed answers."""
        answers = self._answers()
        models = (entry.side.model for entry in answers)
        voted = self.results.figures().models if not answers else ()
        return {model.id: model.name for model in models} | {model.model: model.model for model in voted}

    def document(self, lang: str, details: Details, pair: tuple[str, str] | None = None) -> Document:
        """The report as of now; `pair` are two models to compare in full. Raises InputError."""
        sources = Sources(self._answers(), self.results.store, self.results.figures())
        facts = gather(sources, self.prompts, self.known, pair)
        return make_document(lang, facts, details, plot_language(lang))

    def _answers(self) -> tuple[Recorded, ...]:
        path = self.answers or answers_of(self.data_dir)
        return read_recorded(path) if path else ()

    def write(self, document: Document, kind: str) -> Path:
        """The report as one file: `html`, `docx`, or `md`, which is zipped with its plots. Raises InputError."""
        files = write_report(document, self._folder.new_place(), (kind,))
        if kind != "md":
            return files[0]
        with os_error_as("report_unwritable", "The report cannot be written"):
            target = self._folder.new_place() / "report"
            return Path(shutil.make_archive(str(target), "zip", files[0].parent))


def plot_language(lang: str) -> str:
    """The language of plot labels: the report's own, or English if this machine has no Chinese font."""
    return lang if lang == "en" or has_chinese_font() else "en"


def has_chinese_font(folders: Iterable[str | Path] = _FONT_FOLDERS) -> bool:
    """Judged by file names: opening each font would take longer than the rest of a report."""
    return any(
        _CHINESE_FONTS.search(name)
        for folder in folders
        for _, _, files in os.walk(Path(folder).expanduser())
        for name in files
    )
