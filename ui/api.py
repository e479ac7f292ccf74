"""The named endpoints for scripts, and no others. Sides are called a and b. Knows no component."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any

import gradio as gr
from gradio.events import api

from arena.errors import ArenaError, InputError
from arena.judging.ballots import Judgement
from arena.results.as_json import as_json
from arena.results.selection import Filters
from arena.types import Battle, SideName, SideProgress
from ui.chat.notes import receipt
from ui.chat.panes import status_line
from ui.session import Services, address_of, lang_of
from ui.texts import error_text
from ui.updates import TURNS_AT_ONCE, UPDATE_SECONDS

ADMIN_HEADER = "x-arena-admin-token"


class Api:
    """Registers /chat, /battle, /vote, /results and /export."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def wire(self) -> None:
        """Add the endpoints; call inside the page's gr.Blocks."""
        api(self.chat, api_name="chat", concurrency_id="turn", concurrency_limit=TURNS_AT_ONCE)
        api(self.battle, api_name="battle", concurrency_limit=None)
        api(self.vote, api_name="vote", concurrency_limit=None)
        api(self.results, api_name="results", concurrency_limit=4)
        api(self.export, api_name="export", concurrency_limit=4)

    def chat(self, prompt: str, request: gr.Request) -> Generator[dict[str, Any], None, None]:
        """Send one prompt to both models, each call a conversation of its own.

        Streams {"a": text, "b": text, "status_a": line, "status_b": line, "battle_id": id}; the last one is whole.
        """
        lang = lang_of(self._services, request)
        chat = self._services.chats.detached()
        try:
            if not self._services.backends:
                raise InputError("no_models", "There are no models to ask here.")
            self._services.check_rate(request)
            sent = 0.0
            for battle in chat.ask(prompt, prompt=self._services.prompt_of(prompt)):
                if time.monotonic() - sent >= UPDATE_SECONDS:
                    sent = time.monotonic()
                    yield self._state(lang, battle, chat.progress)
        except ArenaError as error:
            raise _refusal(lang, error) from error
        yield self._state(lang, chat.turns[-1], chat.progress)

    def battle(self, request: gr.Request, room: str = "") -> dict[str, Any]:
        """The recorded battle that is before this session, the same until it is judged; no name is told.

        `room` is the code of a room, empty for the walk that is open to all. Returns

        {"battle_id": id, "prompt": text, "a": text, "b": text, "done": count, "total": count}; once all are judged the
        id and the texts are empty.
        """
        rooms = self._services.rooms
        try:
            if rooms is None:
                raise InputError("no_recorded", "There are no recorded answers to judge here.")
            position = rooms.judging(room).assign(self._judge(request), address=address_of(request))
        except ArenaError as error:
            raise _refusal(lang_of(self._services, request), error) from error
        battle = position.battle
        texts = {"prompt": battle.prompt, "a": battle.a.answer.text, "b": battle.b.answer.text} if battle else {}
        state = {"battle_id": battle.id if battle else "", "prompt": "", "a": "", "b": "", **texts}
        return {**state, "done": position.done, "total": position.total}

    def vote(
        self, battle_id: str, winner: str, criteria: dict[str, str], comment: str, request: gr.Request
    ) -> dict[str, Any]:
        """Judge a battle once. `winner` is model_a, model_b, tie or tie (bothbad); returns a receipt."""
        lang, rooms, judge = lang_of(self._services, request), self._services.rooms, self._judge(request)
        judges = (rooms and rooms.was_shown(str(battle_id), judge)) or self._services.ballots
        try:
            vote = judges.cast(str(battle_id), judge, Judgement(winner, criteria, comment), address=address_of(request))
        except ArenaError as error:
            raise _refusal(lang, error) from error
        return {
            "vote_id": vote.id,
            "battle_id": vote.battle.id,
            "winner": str(vote.winner),
            "text": receipt(lang, vote),
        }

    def results(
        self,
        request: gr.Request,
        blind: bool = False,
        complete: bool = False,
        not_leaked: bool = False,
        room: str = "",
        not_suspicious: bool = False,
    ) -> dict[str, Any]:
        """What the votes come to, as `python app.py results --json` prints it; the arguments are its filters."""
        try:
            self._services.check_unblinding(is_admin=self._is_admin(request))
        except ArenaError as error:
            raise _refusal(lang_of(self._services, request), error) from error
        filters = Filters(bool(blind), bool(complete), bool(not_leaked), bool(not_suspicious), str(room) or None)
        return as_json(self._services.results.figures(filters))

    def export(self, request: gr.Request) -> gr.FileData:
        """All votes as one CSV file."""
        try:
            self._services.check_unblinding(is_admin=self._is_admin(request))
            return gr.FileData(path=str(self._services.export(False)))
        except ArenaError as error:
            raise _refusal(lang_of(self._services, request), error) from error

    def _is_admin(self, request: gr.Request) -> bool:
        """Whether the call has the admin's token in its header. Raises InputError for a wrong one."""
        token = request.headers.get(ADMIN_HEADER, "")
        if not token or self._services.admin is None:
            return False
        self._services.admin.check(token, address_of(request))
        return True

    def _judge(self, request: gr.Request) -> str:
        return self._services.judge(f"api:{request.session_hash}")

    def _state(self, lang: str, battle: Battle, progress: Mapping[SideName, SideProgress]) -> dict[str, Any]:
        state: dict[str, Any] = {"battle_id": battle.id}
        for side in SideName:
            answer = battle.side(side).answer
            state[str(side)] = answer.text
            state[f"status_{side}"] = status_line(
                lang, answer, progress[side], self._services.backends[side].load_state
            )
        return state


def _refusal(lang: str, error: ArenaError) -> gr.Error:
    return gr.Error(error_text(lang, error), print_exception=False)
