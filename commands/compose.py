"""Puts the rooms together for one page: backends, conversations, ballots, the vote log, where raters judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from arena.events import EventLog, NoEvents
    from arena.judging.ballots import Log
    from arena.judging.pairs import Pair
    from arena.prompts import Prompt
    from arena.types import ModelSpec
    from ui.session import Services


@dataclass(frozen=True)
class Hosting:
    """How a page is served: where votes go, the language forced on everybody ("" is none), the admin's token, and the
    address that the page has from outside ("" is unknown)."""

    data_dir: Path
    lang: str = ""
    admin_token: str = ""
    public_url: str = ""


def compose(
    specs: Sequence[ModelSpec], prompts: tuple[Prompt, ...], hosting: Hosting, pairs: tuple[Pair, ...] = ()
) -> Services:
    """Everything that a page works with. Without `specs` nothing is asked and recorded answers alone are judged."""
    from arena.admin import Admin
    from arena.chat import Chat, Chats
    from arena.judging.ballots import Ballots
    from arena.judging.judge_key import JudgeKey
    from arena.judging.limits import RateLimits
    from arena.judging.live import LiveBattles
    from arena.judging.rooms import Rooms
    from arena.types import SideName
    from arena.votes.counts import VoteCounts
    from arena.votes.downloads import Downloads
    from arena.votes.withdrawn import Withdrawals
    from backends import open_backends
    from backends.catalog import EMBEDDED, FETCHED
    from ui.session import Services

    data_dir = hosting.data_dir
    backends = dict(zip(SideName, open_backends(specs), strict=True)) if specs else {}
    log, events, limits = open_log(data_dir), open_events(data_dir), RateLimits()
    ballots, key = Ballots(log, limits), JudgeKey(data_dir / "judge.key")
    rooms = Rooms(pairs, ballots, events) if pairs else None
    if rooms:
        rooms.restore(events.read())
    return Services(
        backends=backends,
        prompts=prompts,
        chats=Chats(lambda: Chat(backends, ballots.offer)),
        ballots=ballots,
        judge=key.judge,
        results=VoteCounts(data_dir),
        export=Downloads(data_dir),
        secret=key.derive("browser"),
        withdrawals=Withdrawals(data_dir, events, key.code, limits.count_try),
        lang=hosting.lang,
        known=(*FETCHED.values(), *EMBEDDED.values()),
        rooms=rooms,
        live=LiveBattles(backends, ballots) if backends else None,
        admin=Admin(hosting.admin_token, limits) if hosting.admin_token else None,
        public_url=hosting.public_url,
    )


def open_events(data_dir: Path) -> EventLog | NoEvents:
    """The event log; where nothing can be written, what happens is known to this run alone."""
    from arena.events import EventLog, NoEvents

    try:
        return EventLog(data_dir)
    except InputError:  # said by the vote log already
        return NoEvents()


def open_log(data_dir: Path) -> Log:
    """The vote log; where none can be written the page still serves, and each vote is refused with the reason."""
    from arena.judging.ballots import ClosedLog
    from arena.votes import VoteLog

    try:
        return VoteLog(data_dir / "votes.csv")
    except InputError as error:
        typer.echo(f"Warning: {error} Votes will be refused.", err=True)
        return ClosedLog(error)
