"""Who sends a request, and what that person may see and do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.limits import Admin
from arena.judging.rooms import Rooms
from ui.gradio.middleware import hostname, is_loopback
from ui.gradio.sign_in import SignIn
from ui.tabs import PROXY_HEADERS, Sender, Tab, address_of
from ui.texts import error_text, text

Stored = dict[str, str] | None
"""What the browser stores for the page: the rater's random id and the language."""

# For this long after the last use, a reload of the page stays signed in.
SIGN_IN_SECONDS = 3600.0
# Before the ids of accounts, so that no id that a browser makes up is one.
_ACCOUNT = "account:"


@dataclass(frozen=True)
class Access:
    """The rules of one page.

    `judge` turns a rater's random id into what may be stored. `count_prompt` raises InputError for an address that
    asks too often. `rooms` is where recorded answers are judged, if there are any; `admin` checks tokens, if the host
    has set one; `is_local` is whether requests from this machine are the host's, `public_results` whether everybody may
    see the results. `account_of` returns the account that a request has signed in with, if there is a `login`.
    """

    judge: Callable[[str], str]
    count_prompt: Callable[[str], None] = lambda address: None
    rooms: Rooms | None = None
    admin: Admin | None = None
    is_local: bool = False
    public_results: bool = False
    login: SignIn | None = None
    account_of: Callable[[gr.Request], str] = lambda request: ""
    # When each browser tab that is signed in was last used, by its key; the token is kept nowhere.
    _hosts: dict[str, float] = field(default_factory=dict)

    def judge_of(self, stored: Stored, request: gr.Request) -> str:
        """What may be stored of the account or else of the rater in this browser; "" if neither may vote."""
        rater = str((stored or {}).get("rater", ""))
        if (self.login and self.login.is_required) or rater.startswith(_ACCOUNT):
            rater = ""
        if self.login and (account := self.account_of(request)):
            rater = f"{_ACCOUNT}{account}"
        return self.judge(rater) if rater else ""

    def recognise(self, tab: Tab, stored: Stored, request: gr.Request) -> None:
        """Note whose votes the tab casts."""
        tab.judge = self.judge_of(stored, request)
        tab.needs_account = bool(self.login and self.login.is_required)

    def sign_in(self, tab: Tab, token: str | None) -> None:
        """Sign the tab in as the host. Raises InputError for a wrong token."""
        if self.admin is None:
            raise InputError("admin_none", "No admin token is set on this server.")
        self.admin.check(token or "", tab.address)
        tab.admin = True
        if tab.key:
            self._hosts[tab.key] = time.monotonic()

    def resume(self, tab: Tab) -> None:
        """Keep the tab signed in after a reload."""
        if time.monotonic() - self._hosts.get(tab.key, float("-inf")) < SIGN_IN_SECONDS:
            tab.admin = True

    def sign_out(self, tab: Tab) -> None:
        """Sign the tab out, also for later reloads."""
        tab.admin = False
        self._hosts.pop(tab.key, None)

    def is_host(self, tab: Tab) -> bool:
        """Whether the reader is the host: signed in, or at this machine if no token is set."""
        if tab.admin and tab.key in self._hosts:
            self._hosts[tab.key] = time.monotonic()
        return tab.admin or (self.admin is None and self._at_the_machine(tab.request))

    def check_rate(self, request: gr.Request | Sender) -> None:
        """Raises InputError if an address sends too many prompts; requests from this machine have no limit."""
        if not self._at_the_machine(request):
            self.count_prompt(address_of(request))

    def check_unblinding(self, judge: str, is_admin: bool) -> None:
        """Raises InputError if results would reveal the authors of answers to a rater who has not finished."""
        if self.rooms and not is_admin and not (judge and self.rooms.may_see_names(judge)):
            if room := judge and self.rooms.finished_open(judge):
                raise InputError("still_open", f"Results unlock when room {room.code} is closed.", room=room.code)
            message = "Results unlock when you have rated every pair, so that they don't give away the authors."
            raise InputError("still_blind", message)

    def sees_all_results(self, judge: str, is_admin: bool) -> bool:
        """Whether the results include the codes of rooms and downloads. Raises InputError for who may see none."""
        try:
            self.check_unblinding(judge, is_admin)
        except InputError:
            if not self.public_results:
                raise
            return False
        return True

    def _at_the_machine(self, request: gr.Request | Sender) -> bool:
        """Not a page elsewhere that sends its requests here, nor somebody behind a proxy that runs on this machine."""
        headers = request.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        return (
            self.is_local
            and is_loopback(hostname(host))
            and (origin is None or urlsplit(origin).netloc == host)
            and not any(name in headers for name in PROXY_HEADERS)
        )


@contextmanager
def refusals(lang: str) -> Iterator[None]:
    """Turns an ArenaError into a message on the page."""
    try:
        yield
    except ArenaError as error:
        raise gr.Error(error_text(lang, error), title=text(lang, "notice"), print_exception=False) from error


def require_admin(allowed: bool) -> None:
    """Raises InputError unless `allowed`."""
    if not allowed:
        raise InputError("admin_needed", "Admin token required.")
