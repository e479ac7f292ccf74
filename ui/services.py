"""What the page works with, as app.py puts it together."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from arena.adding import Adding
from arena.batch.run import BatchRunner
from arena.chat import Chats
from arena.judging.ballots import Ballots
from arena.judging.live import LiveBattles
from arena.judging.moderation import Moderation
from arena.judging.rooms import Rooms
from arena.judging.withdrawals import Withdrawals
from arena.prompts import PromptStore
from arena.report.reports import Reports
from arena.results.service import ResultsService
from arena.roster import Roster
from arena.sessions import Sessions
from arena.types import ModelSpec
from arena.votes.backup_status import BackupStatus
from ui.access import Access


@dataclass(frozen=True)
class Site:
    """How this server is set up.

    `secret` encrypts what the browser stores. `lang` forces a language unless empty; `public_url` is the page's
    address from outside, "" if unknown; `hosts` are the names it answers to besides this machine's, None for all;
    `backup` returns the state of the backup, None where it need not be shown; `known` are the models that could run,
    `has_samples` is whether the recorded answers are the project's samples.
    """

    secret: str
    lang: str = ""
    public_url: str = ""
    hosts: frozenset[str] | None = None
    backup: Callable[[], BackupStatus] | None = None
    known: tuple[ModelSpec, ...] = ()
    has_samples: bool = False


@dataclass(frozen=True)
class Services:
    """Everything that the page works with; each handler takes only what it needs. A part that is None has no tab.

    `catch_up` learns what other pages on the same data folder have noted.
    `coming` adds the first models while the page runs; None if they were here at the start.
    `export(excel)` writes a fresh copy of all votes and returns its path.
    """

    site: Site
    access: Access
    roster: Roster
    prompts: PromptStore
    chats: Chats
    ballots: Ballots
    results: ResultsService
    export: Callable[[bool], Path]
    withdrawals: Withdrawals
    sessions: Sessions
    moderation: Moderation
    reports: Reports
    catch_up: Callable[[], None]
    rooms: Rooms | None = None
    live: LiveBattles | None = None
    batch: BatchRunner | None = None
    adding: Adding | None = None
    coming: Adding | None = None
