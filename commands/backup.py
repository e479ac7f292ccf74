"""The backup while a page is up: started before the logs are opened, ended after the last vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from arena.votes.backup import BackupStatus
    from commands.compose import Hosting


@contextmanager
def backed_up(hosting: Hosting) -> Iterator[Callable[[], BackupStatus] | None]:
    """Tells how many votes are nowhere else; None where nobody needs to know, on a disk that stays.

    Raises InputError for a backup that cannot be.
    """
    if not hosting.backup:
        yield None if hosting.keeps else _nowhere(hosting)
        return
    from backup.schedule import Backup
    from hubs import named_dataset

    backup = Backup(named_dataset(hosting.backup), hosting.data_dir)
    backup.start()
    if problem := backup.status().problem:
        typer.echo(f"Warning: {problem} Votes are not backed up yet.", err=True)
    if not hosting.judge_secret and not hosting.keeps:
        typer.echo("Warning: without ARENA_JUDGE_KEY raters are strangers after a restart of this host.", err=True)
    try:
        yield backup.status
    finally:
        backup.close()
        now = backup.status()
        if now.waiting:
            typer.echo(f"Warning: {now.waiting} votes are not backed up. {now.problem or ''}".rstrip(), err=True)


def _nowhere(hosting: Hosting) -> Callable[[], BackupStatus]:
    from arena.votes.backup import BackupStatus, Waiting

    waiting = Waiting(hosting.data_dir)
    return lambda: BackupStatus(waiting=waiting())
