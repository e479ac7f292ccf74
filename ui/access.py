"""Who sends a request, and what that person may see and do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.limits import Admin
from arena.judging.rooms import Rooms
from ui.session import Tab
from ui.texts import error_text, text

Stored = dict[str, str] | None
"""What the browser stores for the page: the rater's random id and the language."""


@dataclass(frozen=True)
class Access:
    """The rules of one page.

    `judge` turns a rater's random id into what may be stored. `count_prompt` raises InputError for an address that
    asks too often. `rooms` is where recorded answers are judged, if there are any; `admin` checks tokens, if the host
    has set one; `is_local` is whether only this machine reaches the page.
    """

    judge: Callable[[str], str]
    count_prompt: Callable[[str], None] = lambda address: None
    rooms: Rooms | None = None
    admin: Admin | None = None
    is_local: bool = False

    def judge_of(self, stored: Stored) -> str:
        """What may be stored of the rater in this browser; "" if the browser stores nothing."""
        rater = (stored or {}).get("rater", "")
        return self.judge(rater) if rater else ""

    def known_judge(self, tab: Tab, stored: Stored) -> str:
        """The same. Raises gr.Error if the browser stores nothing."""
        judge = self.judge_of(stored)
        if not judge:
            raise gr.Error(text(tab.lang, "judge_no_storage"), title=text(tab.lang, "notice"), print_exception=False)
        return judge

    def sign_in(self, tab: Tab, token: str | None, request: gr.Request) -> None:
        """Make the tab an admin's. Raises InputError for a wrong token."""
        if self.admin is None:
            raise InputError("admin_none", "No admin token is set on this server.")
        self.admin.check(token or "", address_of(request))
        tab.admin = True

    def may_run(self, tab: Tab, request: gr.Request) -> bool:
        """Whether the reader may keep the machine busy: an admin, or without an admin whoever sits at the machine."""
        return tab.admin or (self.admin is None and self._at_the_machine(request))

    def check_rate(self, request: gr.Request) -> None:
        """Raises InputError if an address sends too many prompts; whoever sits at the machine has no limit."""
        if not self._at_the_machine(request):
            self.count_prompt(address_of(request))

    def check_unblinding(self, stored: Stored, is_admin: bool) -> None:
        """Raises InputError if results would tell a rater who is not done which model wrote which answer."""
        judge = self.judge_of(stored)
        if self.rooms and not is_admin and not (judge and self.rooms.may_see_names(judge)):
            raise InputError("still_blind", "Results and exports unlock when you have rated every pair.")

    def _at_the_machine(self, request: gr.Request) -> bool:
        return self.is_local and "x-forwarded-for" not in request.headers


@contextmanager
def refusals(tab: Tab) -> Iterator[None]:
    """Turns an ArenaError into a message on the page, in the reader's language."""
    try:
        yield
    except ArenaError as error:
        raise gr.Error(error_text(tab.lang, error), title=text(tab.lang, "notice"), print_exception=False) from error


def require_admin(allowed: bool) -> None:
    """Raises InputError unless `allowed`."""
    if not allowed:
        raise InputError("admin_needed", "Admin token required.")


def address_of(request: gr.Request | None) -> str:
    """The address that a request came from, for rate limits; "" if it is unknown."""
    client = getattr(request, "client", None)
    return str(client.host) if client else ""
