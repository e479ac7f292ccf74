"""Runs the backup while the page is up: from before the logs are opened until after the last vote."""

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
    """Yields a function that returns the state of the backup; None without a backup on a persistent disk.

    Raises InputError for a backup that cannot work.
    """
    if not hosting.backup:
        yield None if hosting.keeps else _no_backup(hosting)
        return
    from backup.schedule import Backup
    from hubs import named_dataset

    backup = Backup(named_dataset(hosting.backup), hosting.data_dir)
    backup.start()
    if problem := backup.status().problem:
        typer.echo(f"Warning: {problem} Votes are not backed up yet.", err=True)
    if not hosting.judge_secret and not hosting.keeps:
        typer.echo("Warning: without ARENA_JUDGE_KEY this host does not recognize raters after a restart.", err=True)
    try:
        yield backup.status
    finally:
        backup.close()
        status = backup.status()
        if status.waiting:
            typer.echo(f"Warning: {status.waiting} votes are not backed up. {status.problem or ''}".rstrip(), err=True)


def _no_backup(hosting: Hosting) -> Callable[[], BackupStatus]:
    from arena.votes.backup import BackupStatus, Waiting

    waiting = Waiting(hosting.data_dir)
    return lambda: BackupStatus(waiting=waiting())
