"""Builds what a page works with: backends, conversations, the vote log, rooms, results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from arena.batch import Host
    from arena.events import EventLog, NoEvents
    from arena.judging.ballots import ClosedLog
    from arena.judging.pairs import Pair
    from arena.prompts import Prompt
    from arena.results.compute import Background
    from arena.types import Backend, ModelSpec
    from arena.votes import VoteLog
    from arena.votes.backup import BackupStatus
    from ui.services import Services


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """How a page is served.

    `lang` forces a language and `public_url` is the address from outside, unless empty. `answers` is the file of
    recorded answers; `is_local` is whether only this machine reaches the page, `keeps` whether the disk survives a
    restart. Votes are copied to the dataset `backup`. Raters' ids are hashed with `judge_secret`, or if it is empty
    with a key in a file beside the votes. `words` hide a battle from readers.
    """

    data_dir: Path
    lang: str = ""
    admin_token: str = field(default="", repr=False)
    public_url: str = ""
    answers: Path | None = None
    is_local: bool = False
    keeps: bool = True
    backup: str = ""
    judge_secret: str = field(default="", repr=False)
    words: tuple[str, ...] = ()


def compose(
    specs: Sequence[ModelSpec],
    prompts: tuple[Prompt, ...],
    hosting: Hosting,
    pairs: tuple[Pair, ...] = (),
    backup: Callable[[], BackupStatus] | None = None,
) -> Services:
    """Everything that a page works with. Without `specs` no model runs, and only recorded answers can be rated.

    `backup` returns how many votes have no copy elsewhere; it is None where that need not be shown.
    """
    from arena.answers import FILE_NAME as ANSWERS
    from arena.batch import BatchRunner
    from arena.chat import Chat, Chats
    from arena.exports.export import Downloads
    from arena.judging.ballots import Ballots
    from arena.judging.judge_key import JudgeKey
    from arena.judging.limits import Admin, RateLimits
    from arena.judging.live import LiveBattles
    from arena.judging.moderation import Moderation
    from arena.judging.rooms import Rooms
    from arena.report import Reports
    from arena.results.service import ResultsService
    from arena.types import SideName
    from arena.votes.store import store_of
    from arena.votes.withdrawals import Withdrawals
    from backends import open_backends
    from backends.models.catalog import EMBEDDED, FETCHED
    from commands.models import known_models
    from ui.access import Access
    from ui.services import Services, Site

    data_dir = hosting.data_dir
    backends = dict(zip(SideName, open_backends(specs), strict=True)) if specs else {}
    log, events, limits = open_log(data_dir), open_events(data_dir), RateLimits()
    ballots, key = Ballots(log, limits), JudgeKey(data_dir / "judge.key", hosting.judge_secret)
    rooms = Rooms(pairs, ballots, events) if pairs else None
    may_batch = bool(backends) and (bool(hosting.admin_token) or hosting.is_local)
    moderation = Moderation(events, hosting.words)
    past_events = moderation.noting(events.read())
    if rooms:
        rooms.restore(past_events)
    deque(past_events, maxlen=0)  # moderation sees the rest
    results = ResultsService(store_of(data_dir), background(prompts, hosting))
    return Services(
        site=Site(
            secret=key.derive("browser"),
            lang=hosting.lang,
            public_url=hosting.public_url,
            backup=backup,
            known=(*FETCHED.values(), *EMBEDDED.values()),
        ),
        access=Access(
            judge=key.judge,
            count_prompt=limits.count_prompt,
            rooms=rooms,
            admin=Admin(hosting.admin_token, limits) if hosting.admin_token else None,
            is_local=hosting.is_local,
        ),
        backends=backends,
        prompts=prompts,
        chats=Chats(lambda: Chat(backends, ballots.offer)),
        ballots=ballots,
        results=results,
        export=Downloads(data_dir),
        withdrawals=Withdrawals(data_dir, events, key.code, limits.count_try),
        rooms=rooms,
        live=LiveBattles(backends, ballots) if backends else None,
        moderation=moderation,
        batch=BatchRunner(specs, prompts, data_dir / ANSWERS, page_host(backends.values())) if may_batch else None,
        reports=Reports(results, data_dir, hosting.answers, prompts, known_models()),
    )


def background(prompts: Sequence[Prompt], hosting: Hosting) -> Background:
    """What results need beside the votes: the prompts' categories, and the peak memory from recorded answers."""
    from arena.answers import FILE_NAME, read_recorded
    from arena.results.compute import Background
    from arena.results.cost import peak_memory

    own = hosting.data_dir / FILE_NAME
    files = [file for file in (hosting.answers, own) if file and file.is_file() and file.stat().st_size]
    memory = peak_memory(entry for file in dict.fromkeys(files) for entry in read_recorded(file))
    return Background({prompt.id: prompt.category for prompt in prompts}, memory)


def page_host(backends: Iterable[Backend]) -> Host:
    """Runs a batch on the page's own models, which stay loaded."""
    from arena.batch import Host
    from backends.machine.facts import machine_facts
    from backends.machine.memory import process_bytes

    by_id = {backend.spec.id: backend for backend in backends}
    return Host(lambda spec: nullcontext(by_id[spec.id]), machine_facts(), lambda: process_bytes("VmRSS"))


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
