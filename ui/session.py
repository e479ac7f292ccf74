"""What the page needs from outside, and who is asking. Knows no layout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from arena.batch import BatchRunner
from arena.chat import Chat, Chats
from arena.errors import ArenaError, InputError
from arena.judging.assignments import Assignment
from arena.judging.ballots import Ballots
from arena.judging.limits import Admin
from arena.judging.live import LiveBattles, LiveView
from arena.judging.moderation import Moderation
from arena.judging.rooms import NO_ROOM, Rooms
from arena.prompts import Prompt
from arena.report import Reports
from arena.results.figures import Figures
from arena.results.service import ResultsService
from arena.types import Backend, ModelSpec, SideName, Vote
from arena.votes.backup import BackupStatus
from arena.votes.withdrawals import Withdrawals
from ui.texts import error_text, language_of_browser

# A turn that was told to stop lets go of the page within so many seconds.
HANDOVER_SECONDS = 5.0


@dataclass(frozen=True)
class Services:
    """All that the page works with; app.py puts it together.

    `judge` turns a rater's random id into what may be stored. `export(excel)` writes a fresh copy of all votes and
    returns its path. `lang` forces a language unless empty; `secret` seals what the browser keeps. `known` are the
    models that could run here. `rooms` is where recorded answers are judged, if there are any, `live` where models
    answer blind; `admin` checks tokens, if the host has set one; `public_url` is where the page is found from outside,
    "" if nobody said, and `is_local` whether only this machine reaches it; `backup` tells how many votes are nowhere
    else, where that matters. `hidden` tells which battles readers do not see; `count_prompt` refuses an address that
    asks too often. `batch` asks whole sets, `reports` tells what came out.
    """

    backends: Mapping[SideName, Backend]
    prompts: tuple[Prompt, ...]
    chats: Chats
    ballots: Ballots
    judge: Callable[[str], str]
    results: ResultsService
    export: Callable[[bool], Path]
    secret: str
    withdrawals: Withdrawals
    lang: str = ""
    known: tuple[ModelSpec, ...] = ()
    rooms: Rooms | None = None
    live: LiveBattles | None = None
    admin: Admin | None = None
    public_url: str = ""
    is_local: bool = False
    backup: Callable[[], BackupStatus] | None = None
    hidden: Moderation | None = None
    count_prompt: Callable[[str], None] = lambda address: None
    batch: BatchRunner | None = None
    reports: Reports | None = None

    def may_run(self, tab: Tab, request: gr.Request) -> bool:
        """Whether the reader may keep the machine busy: with the token, or without one on their own machine, and not
        through a proxy."""
        is_own = self.admin is None and self.is_local and "x-forwarded-for" not in request.headers
        return tab.admin or is_own

    def check_rate(self, request: gr.Request) -> None:
        """Raises InputError where somebody asks models too often; on one's own machine nobody counts."""
        if not self.is_local or "x-forwarded-for" in request.headers:
            self.count_prompt(address_of(request))

    def check_unblinding(self, rater: str = "", is_admin: bool = False) -> None:
        """Raises InputError where results would tell a rater who is not done whose answers those are."""
        if self.rooms and not is_admin and not (rater and self.rooms.may_see_names(self.judge(rater))):
            raise InputError("still_blind", "Results and exports are shown to those who have judged everything.")

    def prompt_text(self, prompt_id: str) -> str:
        """The text of a prompt of the set; empty for any other id."""
        return next((prompt.text for prompt in self.prompts if prompt.id == prompt_id), "")

    def prompt_of(self, written: str) -> Prompt | None:
        """The prompt of the set that was sent as it stands."""
        return next((prompt for prompt in self.prompts if prompt.text.strip() == written.strip()), None)


def lang_of(services: Services, request: gr.Request) -> str:
    """The language to answer in: what the host set, or what the browser asks for."""
    return services.lang or language_of_browser(request.headers.get("accept-language", ""))


def address_of(request: gr.Request | None) -> str:
    """Where a request came from, for rate limits alone; "" if that is not known."""
    client = getattr(request, "client", None)
    return str(client.host) if client else ""


@dataclass(frozen=True)
class Judging:
    """What a tab shows of the blind vote: nothing yet, a position, and the vote once it is cast."""

    position: Assignment | None = None
    vote: Vote | None = None


@dataclass(frozen=True)
class LiveJudging:
    """What a tab shows of a live blind battle: nothing yet, what may be seen, and the vote once it is cast."""

    view: LiveView | None = None
    vote: Vote | None = None


@dataclass
class Tab:
    """What the page remembers of one browser tab: its conversation, its reader's language and last vote.

    `room` is the code of the room it judges in, `no_room` a code in its address that no room has, `admin` whether its
    reader has shown the token, `class_room` the code of the room that such a reader looks at.
    """

    chat: Chat
    lang: str
    vote: Vote | None = None
    judging: Judging = Judging()
    live: LiveJudging = LiveJudging()
    # What the browser has of the blind vote, as properties of components.
    judge_shown: dict[Any, dict[str, Any]] = field(default_factory=dict)
    room: str = NO_ROOM
    no_room: str = ""
    admin: bool = False
    class_room: str = NO_ROOM
    # What the results tab shows.
    results: Figures | None = None
    # Held while a handler writes to the panes: of two in a row, the first one's last update must not come second.
    _panes: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def panes(self) -> Iterator[None]:
        """The right to write to the panes; waits for the handler that has it, but not for ever."""
        held = self._panes.acquire(timeout=HANDOVER_SECONDS)
        try:
            yield
        finally:
            if held:
                self._panes.release()


class Tabs:
    """The tabs by their session; one goes when its conversation has gone and the next one comes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tabs: dict[str, Tab] = {}
        # Protects _tabs, which every tab's requests read and write.
        self._lock = threading.Lock()

    def get(self, request: gr.Request) -> Tab:
        """The tab that sent the request. Raises gr.Error for a call from no page."""
        lang = lang_of(self._services, request)
        session = request.session_hash or ""
        try:
            chat = self._services.chats.get(session)
        except ArenaError as error:
            raise gr.Error(error_text(lang, error), print_exception=False) from error
        with self._lock:
            tab = self._tabs.get(session)
            if tab is None or tab.chat is not chat:
                there = self._services.chats.tabs()
                self._tabs = {name: one for name, one in self._tabs.items() if name in there}
                tab = self._tabs[session] = Tab(chat, lang)
            return tab
