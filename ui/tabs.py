"""What the server remembers of each browser tab."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import gradio as gr

from arena.chat import Chat, Chats
from arena.errors import ArenaError, InputError
from arena.judging.live import LiveView
from arena.judging.room import NO_ROOM, Assignment
from arena.prompts.draft import Draft
from arena.results.figures import Figures
from arena.types import Battle, Vote
from ui.arena.screen import Mode
from ui.texts import error_text, language_of_browser, text

# A turn that was stopped releases the panes within this time.
HANDOVER_SECONDS = 5.0
# A proxy in front of the page sends at least one of them.
PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "x-proxycontextpath")


@dataclass(frozen=True)
class Judging:
    """The rating of recorded answers in a tab: nothing yet, a position, and the vote once it is cast."""

    position: Assignment | None = None
    vote: Vote | None = None

    @property
    def battle(self) -> Battle | None:
        """The battle at the position."""
        return self.position.battle if self.position else None


@dataclass(frozen=True)
class LiveJudging:
    """The blind battle in a tab: nothing yet, what may be seen of it, and the vote once it is cast."""

    view: LiveView | None = None
    vote: Vote | None = None
    turns: tuple[Battle, ...] = ()


@dataclass(frozen=True)
class Sender:
    """What is kept of a request. gradio's object would keep its body too, which may have megabytes, for every tab."""

    session_hash: str | None
    client: Any
    headers: Mapping[str, str]
    query_params: Mapping[str, str]

    @classmethod
    def of(cls, request: gr.Request) -> Self:
        """The sender of a request."""
        names = [name for name in ("host", "origin", *PROXY_HEADERS) if name in request.headers]
        headers = {name: request.headers[name] for name in names}
        return cls(request.session_hash, request.client, headers, request.query_params)


@dataclass
class Tab:
    """The state of one browser tab: its conversation, its reader's language and last vote.

    `request` is who sent its last request, `judge` what may be stored of its rater, "" if nobody may vote: without an
    account if it `needs_account`, else in a browser that stores nothing.
    `room` is the code of the room it judges in, `unknown_room` a code in its address that no room has, `refused` why
    the models in its address are not compared, `admin` whether its reader is signed in as the host, `class_room` the
    code of the room that the host looks at.
    """

    chat: Chat
    lang: str
    request: Sender
    judge: str = ""
    needs_account: bool = False
    vote: Vote | None = None
    mode: Mode | None = None
    judging: Judging = Judging()
    live: LiveJudging = LiveJudging()
    # While the last question is edited: what was typed before.
    draft: str | None = None
    # The key under which its state is kept for a reload; "" keeps nothing.
    key: str = ""
    # Whether this process has opened it: it may have been opened on one that has ended, or been evicted.
    opened: bool = False
    # Whether it was opened before the first models were here.
    waited: bool = False
    # What the browser shows of the Arena, as properties of components.
    shown: dict[Any, dict[str, Any]] = field(default_factory=dict)
    room: str = NO_ROOM
    unknown_room: str = ""
    refused: ArenaError | None = None
    admin: bool = False
    class_room: str = NO_ROOM
    # What the host has edited of the prompts.
    edits: Draft | None = None
    # What the boxes of the batch tab hold: the runs per prompt, the seed, and the models.
    batch: tuple[int, int, Sequence[str]] = (1, 0, ())
    # What the results tab shows.
    results: Figures | None = None
    # Whether they include what only raters who have finished may see.
    sees_all: bool = True
    # The excluded raters that the raters tab shows, by key, and whether the host counts them nevertheless.
    raters: Mapping[str, bool] = field(default_factory=dict)
    # The models whose needs the models tab shows.
    to_add: tuple[str, ...] = ()
    # The battle that the replay shows, by its id, or why it does not.
    replay: tuple[str, Vote | ArenaError] | None = None
    # Held while a handler writes to the panes: otherwise the last update of an earlier turn could arrive too late.
    _panes: threading.Lock = field(default_factory=threading.Lock)

    @property
    def session(self) -> str:
        """The id that gradio gives the browser tab."""
        return self.request.session_hash or ""

    @property
    def address(self) -> str:
        """The address that its requests come from."""
        return address_of(self.request)

    @property
    def known_judge(self) -> str:
        """What may be stored of the rater. Raises InputError if nobody may vote."""
        if not self.judge and self.needs_account:
            raise no_account()
        if not self.judge:
            message = "This browser blocks storage, so votes cannot be counted as yours. Open the page in its own tab."
            raise InputError("no_storage", message)
        return self.judge

    def require_opened(self) -> None:
        """Raises gr.Error if this process does not know what the tab shows.

        The browser then reloads the page, which restores it. Otherwise a rater would leave their room unnoticed.
        """
        if not self.opened:
            words, title = text(self.lang, "stale"), text(self.lang, "notice")
            raise gr.Error(f'<span class="stale">{words}</span>', title=title, print_exception=False)

    @contextmanager
    def panes(self) -> Iterator[None]:
        """The right to write to the panes. Waits HANDOVER_SECONDS at most for the handler that has it."""
        acquired = self._panes.acquire(timeout=HANDOVER_SECONDS)
        try:
            yield
        finally:
            if acquired:
                self._panes.release()


class Tabs:
    """The tabs by session. `lang` forces a language unless it is empty."""

    def __init__(self, chats: Chats, lang: str = "") -> None:
        self._chats = chats
        self._lang = lang
        self._tabs: dict[str, Tab] = {}
        # Protects _tabs, which the requests of all tabs read and write.
        self._lock = threading.Lock()

    def get(self, request: gr.Request) -> Tab:
        """The tab that sent the request. Raises gr.Error for a call without a page.

        A new tab drops those whose conversation is gone.
        """
        lang = lang_of(self._lang, request)
        session, sender = request.session_hash or "", Sender.of(request)
        try:
            chat = self._chats.get(session)
        except ArenaError as error:
            raise gr.Error(error_text(lang, error), print_exception=False) from error
        with self._lock:
            tab = self._tabs.get(session)
            if tab is None or tab.chat is not chat:
                open_sessions = self._chats.tabs()
                self._tabs = {name: other for name, other in self._tabs.items() if name in open_sessions}
                tab = self._tabs[session] = Tab(chat, lang, sender)
            tab.request = sender
            return tab


def no_account() -> InputError:
    """The error for a vote without an account where one is required."""
    return InputError("sign_in_needed", "Sign in to vote: the button is at the top of the page.")


def lang_of(lang: str, request: gr.Request) -> str:
    """The language to answer in: `lang`, or if it is empty what the browser asks for."""
    return lang or language_of_browser(request.headers.get("accept-language", ""))


def address_of(request: gr.Request | Sender | None) -> str:
    """The address that a request came from, for rate limits; "" if it is unknown."""
    client = getattr(request, "client", None)
    return str(client.host) if client else ""
