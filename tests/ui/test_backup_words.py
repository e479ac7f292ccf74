"""What the page says of the backup."""

from __future__ import annotations

import pytest

from arena.errors import BackendError
from arena.votes.backup_status import BackupStatus
from ui.about import backup_banner, backup_line


def test_where_votes_stay_nothing_is_said() -> None:
    assert backup_banner("en", None) == backup_line("en", None) == ""


@pytest.mark.parametrize(("lang", "words"), [("en", "Not backed up: 12 votes"), ("zh", "**有 12 张票还没有备份**")])
def test_votes_that_a_restart_would_take_are_counted(lang: str, words: str) -> None:
    status = lambda: BackupStatus(waiting=12)  # noqa: E731
    assert words in backup_banner(lang, status) and backup_line(lang, status) == ""


def test_a_backup_that_works_is_the_hosts_business_alone() -> None:
    status = lambda: BackupStatus("Hugging Face a/b", 2)  # noqa: E731
    assert backup_banner("en", status) == ""
    assert "a/b" in backup_line("en", status) and "Last backup: never; 2 waiting" in backup_line("en", status)


def test_a_backup_that_fails_is_everybodys_and_names_no_dataset() -> None:
    error = BackendError("backup_failed", "It failed.", hub="Hugging Face", reason="503 <b>")
    banner = backup_banner("en", lambda: BackupStatus("Hugging Face a/b", 2, error))
    assert banner.startswith("**Not backed up yet: 2 votes.** Hugging Face did not accept the copy (503")
    assert "<b>" not in banner and "a/b" not in banner
