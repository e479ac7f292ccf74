"""What the page says of the backup: a banner where votes are in danger, a line for the host. Knows no component."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from arena.votes.backup import BackupStatus
from ui.display import plain_copy
from ui.texts import error_text, text

Status = Callable[[], BackupStatus] | None


def backup_banner(lang: str, status: Status) -> str:
    """Markdown; "" where all is well."""
    if status is None:
        return ""
    now = status()
    if not now.place:
        return text(lang, "backup_none", count=now.waiting)
    if not now.problem:
        return ""
    return text(lang, "backup_behind", count=now.waiting, problem=plain_copy(error_text(lang, now.problem)))


def backup_line(lang: str, status: Status) -> str:
    """Markdown for those who may know where votes go; "" where they go nowhere."""
    if status is None or not (now := status()).place:
        return ""
    at = (
        datetime.fromtimestamp(now.time, UTC).strftime("%Y-%m-%d %H:%M UTC") if now.time else text(lang, "backup_never")
    )
    return text(lang, "backup_going", place=plain_copy(now.place), time=at, count=now.waiting)
