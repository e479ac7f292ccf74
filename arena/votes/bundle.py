"""All votes to take away in one zip: every form, what they are, the models' licences and checksums.

Knows nothing of who may have it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from arena.errors import InputError
from arena.types import ModelSpec
from arena.votes.export import Source, export_csv, export_excel, parts_of
from arena.votes.formats import CleanBattle, Format, Pairs, Preferences
from arena.votes.store import ReadReport, StoredVotes

_ABOUT = {
    "votes.csv": "All votes as they were stored: UTF-8, RFC 4180, one row a vote. / 全部投票，原样。",
    "votes-excel.csv": (
        "The same for spreadsheets: text that looks like a formula has a ' in front, long cells are cut. "
        "/ 供电子表格打开：像公式的文字前加了 '，过长的单元格被截断。"
    ),
    "clean_battle.json": "For FastChat's rating scripts; without repeats. / 供 FastChat 的评分脚本使用，不含重复对比。",
    "preferences.jsonl": (
        "For TRL's preference trainers: decisive votes only, without repeats. "
        "/ 供 TRL 偏好训练使用：只含分出胜负的票，不含重复对比。"
    ),
    "pairs.csv": "For evalica: left, right, winner; without repeats. / 供 evalica 使用，不含重复对比。",
    "LICENCES.txt": "The licences of the models whose answers these are. / 各模型的许可证。",
}
_NOTICE = """\
Before training on preferences.jsonl: the licence of Qwen-7B-Chat (Tongyi Qianwen) forbids using its output to improve
any other large language model. Read LICENCES.txt.
用 preferences.jsonl 训练之前请注意：Qwen-7B-Chat（通义千问）的许可证禁止用其输出改进其他大语言模型。
请先阅读 LICENCES.txt。
"""


def export_bundle(
    source: Source, target: Path, known: Sequence[ModelSpec] = (), withdrawn: Collection[str] = frozenset()
) -> ReadReport:
    """Write all votes into the zip `target`; tells what was left out. `known` have licences.

    Safe while votes are appended, of which each file has those that came before it. The target appears whole or not
    at all. Raises InputError if it cannot be written.
    """
    parts = parts_of(source)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as work:
            place = Path(work)
            report = export_csv(parts, place / "votes.csv", withdrawn)
            export_excel(parts, place / "votes-excel.csv", withdrawn)
            counts, models = _write_formats(parts, place, withdrawn)
            counts = {"votes.csv": report.rows, "votes-excel.csv": report.rows, **counts}
            (place / "LICENCES.txt").write_text(_licences(models, known), encoding="utf-8")
            (place / "README.txt").write_text(_readme(counts), encoding="utf-8")
            _sum_up(place)
            draft = place / "draft.zip"
            _zip(place, draft)
            os.replace(draft, target)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"The export cannot be written to {target}: {reason}."
        raise InputError("export_unwritable", message, path=str(target), reason=reason) from error
    return report


def _write_formats(
    parts: Sequence[Path], place: Path, withdrawn: Collection[str]
) -> tuple[Mapping[str, int], Collection[str]]:
    """The other programs' files in one pass: rows by name, and the ids of all models."""
    models: set[str] = set()
    with ExitStack() as open_files:
        formats: list[Format] = [open_files.enter_context(kind(place)) for kind in (CleanBattle, Preferences, Pairs)]
        for stored in StoredVotes(parts, withdrawn):
            models |= {stored.vote.battle.a.model.id, stored.vote.battle.b.model.id}
            if not stored.vote.repeat_of:
                for one in formats:
                    one.add(stored.vote)
    return {one.name: one.rows for one in formats}, models


def _licences(models: Collection[str], known: Sequence[ModelSpec]) -> str:
    specs = {spec.id: spec for spec in known}
    lines = []
    for model in sorted(models):
        spec = specs.get(model)
        lines.append(f"{model}: {spec.licence} {spec.licence_url}".rstrip() if spec else f"{model}: not known / 未知")
    return "\n".join(lines) + "\n"


def _readme(counts: Mapping[str, int]) -> str:
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = ["Votes of a side-by-side comparison of chat models / 对话模型对比投票", written, ""]
    for name, about in _ABOUT.items():
        lines.append(f"{name} ({counts[name]})" if name in counts else name)
        lines.append(f"  {about}")
    return "\n".join([*lines, "", _NOTICE])


def _sum_up(place: Path) -> None:
    sums = []
    for path in sorted(place.iterdir()):
        with path.open("rb") as file:
            sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (place / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def _zip(place: Path, draft: Path) -> None:
    paths = [path for path in sorted(place.iterdir()) if path != draft]
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in paths:
            archive.write(path, path.name)
