"""Builds what a page works with: backends, conversations, the vote log, rooms, results, the backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from arena.events import EventLog, NoEvents
    from arena.judging.ballots import ClosedLog
    from arena.prompts import Prompt
    from arena.types import ModelSpec
    from arena.votes import VoteLog
    from arena.votes.backup_status import BackupStatus
    from ui.services import Services


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """How a page is served.

    `lang` forces a language and `public_url` is the address from outside, unless empty. `answers` is the file of
    recorded answers, `has_samples` whether it is the one that comes with the project; `named_prompts` is whether the
    host has named a prompt set, `is_local` whether only this machine reaches the page, `is_notebook` whether by a
    notebook's proxy, `keeps` whether the disk survives a restart. Votes are copied to the dataset `backup`.
    Raters' ids are hashed with `judge_secret`, or if it is empty with a key in a file beside the votes. `words` hide a
    battle from readers.
    """

    data_dir: Path
    lang: str = ""
    admin_token: str = field(default="", repr=False)
    public_url: str = ""
    answers: Path | None = None
    has_samples: bool = False
    named_prompts: bool = False
    is_local: bool = False
    is_notebook: bool = False
    keeps: bool = True
    backup: str = ""
    judge_secret: str = field(default="", repr=False)
    words: tuple[str, ...] = ()

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names that the page answers to besides this machine's; None for all."""
        from ui.gradio.middleware import hostname

        if not self.is_local or self.is_notebook:
            return None
        return frozenset({hostname(self.public_url)} - {""})


def compose(
    specs: Sequence[ModelSpec],
    loaded: tuple[Prompt, ...],
    hosting: Hosting,
    backup: Callable[[], BackupStatus] | None = None,
) -> Services:
    """Everything that a page works with; `loaded` is the prompt set. Raises InputError for malformed answers.

    Without `specs` no model runs, and only recorded answers can be rated. `backup` returns the state of the backup; it
    is None where that need not be shown.
    """
    from arena.answers import FILE_NAME as ANSWERS
    from arena.answers import answers_of
    from arena.batch.run import BatchRunner
    from arena.chat import Chat, Chats
    from arena.exports.export import Downloads
    from arena.judging.ballots import Ballots
    from arena.judging.judge_key import JudgeKey
    from arena.judging.limits import Admin, RateLimits
    from arena.judging.live import LiveBattles
    from arena.judging.moderation import Moderation
    from arena.judging.pairs import load_pairs
    from arena.judging.rooms import Rooms
    from arena.judging.withdrawals import Withdrawals
    from arena.prompts import PromptStore
    from arena.report.reports import Reports
    from arena.results.service import ResultsService
    from arena.sessions import Sessions
    from arena.types import SideName
    from arena.votes.store import VoteStore
    from backends import open_backends
    from backends.models.catalog import EMBEDDED, FETCHED
    from commands.batch import host_of
    from commands.options import background, known_models
    from ui.access import Access
    from ui.services import Services, Site

    data_dir = hosting.data_dir
    backends = dict(zip(SideName, open_backends(specs), strict=True)) if specs else {}
    log, events, limits = open_log(data_dir), open_events(data_dir), RateLimits()
    ballots, key = Ballots(log, limits), JudgeKey(data_dir / "judge.key", hosting.judge_secret)
    prompts, history = PromptStore(loaded, events, hosting.named_prompts), tuple(events.read())
    for event in history:
        prompts.replay(event)
    pairs = load_pairs(hosting.answers, prompts.known) if hosting.answers else ()
    rooms = Rooms(pairs, ballots, events) if pairs else None
    # The page's own models stay loaded.
    by_id = {backend.spec.id: backend for backend in backends.values()}
    # A proxy in front of a public address may hide that a request comes from elsewhere.
    trusts_machine = hosting.is_local and not hosting.public_url
    may_batch = bool(backends) and (bool(hosting.admin_token) or trusts_machine)
    moderation = Moderation(events, hosting.words)
    for event in history:
        moderation.replay(event)
        if rooms:
            rooms.replay(event)
    store = VoteStore(data_dir)
    results = ResultsService(store, background(prompts, hosting.answers, answers_of(data_dir)))
    return Services(
        site=Site(
            secret=key.derive("browser"),
            lang=hosting.lang,
            public_url=hosting.public_url,
            hosts=hosting.hosts,
            backup=backup,
            known=(*FETCHED.values(), *EMBEDDED.values()),
            has_samples=hosting.has_samples,
        ),
        access=Access(
            judge=key.judge,
            count_prompt=limits.count_prompt,
            # Votes on samples are for trying it out: their results are open to all.
            rooms=None if hosting.has_samples else rooms,
            admin=Admin(hosting.admin_token, limits) if hosting.admin_token else None,
            is_local=trusts_machine,
        ),
        backends=backends,
        prompts=prompts,
        chats=Chats(lambda: Chat(backends, ballots.offer)),
        ballots=ballots,
        results=results,
        export=Downloads(data_dir),
        sessions=Sessions(data_dir / "sessions"),
        withdrawals=Withdrawals(store, events, key.code, limits.count_try),
        rooms=rooms,
        live=LiveBattles(backends, ballots) if backends else None,
        moderation=moderation,
        batch=BatchRunner(specs, prompts, data_dir / ANSWERS, host_of(lambda spec: nullcontext(by_id[spec.id])))
        if may_batch
        else None,
        reports=Reports(results, data_dir, hosting.answers, prompts.known, known_models()),
    )


def open_events(data_dir: Path) -> EventLog | NoEvents:
    """The event log; if the folder cannot be written, one that lasts as long as this process."""
    from arena.events import EventLog, NoEvents

    try:
        return EventLog(data_dir)
    except InputError:  # open_log prints the warning
        return NoEvents()


def open_log(data_dir: Path) -> VoteLog | ClosedLog:
    """The vote log; if the folder cannot be written, one that refuses every vote with the reason."""
    from arena.judging.ballots import ClosedLog
    from arena.votes import VoteLog

    try:
        return VoteLog(data_dir / "votes.csv")
    except InputError as error:
        typer.echo(f"Warning: {error} Votes will be refused.", err=True)
        return ClosedLog(error)


@contextmanager
def backed_up(hosting: Hosting) -> Iterator[Callable[[], BackupStatus] | None]:
    """Yields a function that returns the state of the backup; None without a backup on a persistent disk.

    Raises InputError for a backup that cannot work.
    """
    from arena.votes.backup_status import BackupStatus, Waiting

    if not hosting.backup:
        waiting = Waiting(hosting.data_dir)
        yield None if hosting.keeps else lambda: BackupStatus(waiting=waiting())
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
