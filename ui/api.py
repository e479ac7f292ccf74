"""The named endpoints for scripts, and no others. Sides are called a and b."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.ballots import Judgement
from arena.results.as_json import as_json
from arena.results.selection import Filters
from arena.types import Battle, SideName, SideProgress
from ui.access import address_of
from ui.chat.view import receipt, status_line
from ui.components import matching_prompt
from ui.services import Services
from ui.session import lang_of
from ui.texts import error_text
from ui.updates import TURNS_AT_ONCE, throttled

ADMIN_HEADER = "x-arena-admin-token"


class Api:
    """The endpoints /chat, /battle, /vote, /results and /export."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def wire(self) -> None:
        """Add the endpoints; call inside the page's gr.Blocks."""
        api = gr.api  # type: ignore[attr-defined]  # public, but not in gradio's __all__
        api(self.chat, api_name="chat", concurrency_id="turn", concurrency_limit=TURNS_AT_ONCE)
        api(self.battle, api_name="battle", concurrency_limit=None)
        api(self.vote, api_name="vote", concurrency_limit=None)
        api(self.results, api_name="results", concurrency_limit=4)
        api(self.export, api_name="export", concurrency_limit=4)

    def chat(self, prompt: str, request: gr.Request) -> Generator[dict[str, Any], None, None]:
        """Send one prompt to both models. Each call is a conversation of its own.

        Streams {"a": text, "b": text, "status_a": line, "status_b": line, "battle_id": id}; the last one is complete.
        """
        lang = lang_of(self._services.site.lang, request)
        chat = self._services.chats.detached()
        try:
            if not self._services.backends:
                raise InputError("no_models", "No models are running here.")
            self._services.access.check_rate(request)
            battles = chat.ask(prompt, prompt=matching_prompt(self._services.prompts, prompt))
            for battle in throttled(battles):
                yield self._state(lang, battle, chat.progress)
        except ArenaError as error:
            raise _refusal(lang, error) from error
        yield self._state(lang, chat.turns[-1], chat.progress)

    def battle(self, request: gr.Request, room: str = "") -> dict[str, Any]:
        """The next recorded battle of this session, the same one until it is judged; it names no model.

        `room` is the code of a room, empty for the battles that are open to everybody. Returns
        {"battle_id": id, "prompt": text, "a": text, "b": text, "done": count, "total": count}. Once all are judged,
        the id and the texts are empty.
        """
        rooms = self._services.rooms
        try:
            if rooms is None:
                raise InputError("no_recorded", "There are no recorded answers to rate here.")
            position = rooms.judging(room).assign(self._judge(request), address=address_of(request))
        except ArenaError as error:
            raise _refusal(lang_of(self._services.site.lang, request), error) from error
        battle = position.battle
        texts = {"prompt": battle.prompt, "a": battle.a.answer.text, "b": battle.b.answer.text} if battle else {}
        state = {"battle_id": battle.id if battle else "", "prompt": "", "a": "", "b": "", **texts}
        return {**state, "done": position.done, "total": position.total}

    def vote(
        self, battle_id: str, winner: str, criteria: dict[str, str], comment: str, request: gr.Request
    ) -> dict[str, Any]:
        """Judge a battle once. `winner` is model_a, model_b, tie or tie (bothbad); returns a receipt."""
        lang, rooms, judge = lang_of(self._services.site.lang, request), self._services.rooms, self._judge(request)
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
        """The results, as `python app.py results --json` prints them; the arguments are its filters."""
        try:
            self._services.access.check_unblinding(None, is_admin=self._is_admin(request))
        except ArenaError as error:
            raise _refusal(lang_of(self._services.site.lang, request), error) from error
        filters = Filters(bool(blind), bool(complete), bool(not_leaked), bool(not_suspicious), str(room) or None)
        return as_json(self._services.results.figures(filters))

    def export(self, request: gr.Request) -> gr.FileData:
        """All votes as one CSV file."""
        try:
            self._services.access.check_unblinding(None, is_admin=self._is_admin(request))
            return gr.FileData(path=str(self._services.export(False)))
        except ArenaError as error:
            raise _refusal(lang_of(self._services.site.lang, request), error) from error

    def _is_admin(self, request: gr.Request) -> bool:
        """Whether the call has the admin token in its header. Raises InputError for a wrong one."""
        token, admin = request.headers.get(ADMIN_HEADER, ""), self._services.access.admin
        if not token or admin is None:
            return False
        admin.check(token, address_of(request))
        return True

    def _judge(self, request: gr.Request) -> str:
        return self._services.access.judge(f"api:{request.session_hash}")

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
