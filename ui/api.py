"""The named endpoints for scripts, and no others. Sides are called a and b."""

from collections.abc import Generator
from typing import Any

import gradio as gr

from arena.chat import Chat
from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.judging.rooms import Rooms
from arena.results.figures import as_json
from arena.results.selection import Filters
from arena.types import Battle, SideName
from ui.access import refusals
from ui.arena.messages import status_line
from ui.components import matching_prompt
from ui.services import Services
from ui.tabs import address_of, lang_of, no_account
from ui.texts import text
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

    def chat(
        self,
        prompt: str,
        request: gr.Request,
        settings: dict[str, float] | None = None,
        seed: int | None = None,
        system: str = "",
        a: str = "",
        b: str = "",
    ) -> Generator[dict[str, Any], None, None]:
        """Send one prompt to both models. Each call is a conversation of its own.

        `a` and `b` are ids of models that this page offers; left out, the two that it begins with answer.

        `settings` are max_new_tokens, temperature, top_p, top_k, repetition_penalty and thinking (tokens, 0 is off);
        what is left out follows each model's default. `seed` is drawn if it is None. `system` is a system prompt for
        both models.

        Streams {"battle_id": id, "seed": number} and for each side, here a, {"a": text, "thinking_a": text,
        "status_a": line, "seconds_a": seconds, "tokens_a": count, "finish_reason_a": stop, length, cancelled or error}.
        The last one is complete; until then a finish_reason is None.
        """
        lang, chat = self._lang(request), self._services.chats.detached()
        with refusals(lang):
            if not isinstance(settings or {}, dict):
                raise InputError("setting_form", 'settings must be an object, such as {"temperature": 0.7}.')
            self._services.access.check_rate(request)
            prompt = prompt if isinstance(prompt, str) else ""
            chat.seat(self._services.roster.pair(a, b))
            known = matching_prompt(self._services.prompts.known, prompt)
            wanted = {**(settings or {}), **({} if seed is None else {"seed": seed})}
            for battle in throttled(chat.ask(prompt, wanted, str(system or ""), known)):
                yield self._state(lang, battle, chat)
        yield self._state(lang, chat.turns[-1], chat)

    def battle(self, request: gr.Request, room: str = "") -> dict[str, Any]:
        """The next recorded battle of this session, the same one until it is judged; it names no model.

        `room` is the code of a room, empty for the battles that are open to everybody. Returns
        {"battle_id": id, "prompt": text, "a": text, "b": text, "done": count, "total": count}. Once all are judged,
        the id and the texts are empty.
        """
        with refusals(self._lang(request)):
            chosen = self._rooms().room_or_main(room)
            position = chosen.assign(self._judge(request), address=address_of(request))
        battle = position.battle
        texts = {"prompt": battle.prompt, "a": battle.a.answer.text, "b": battle.b.answer.text} if battle else {}
        state = {"battle_id": battle.id if battle else "", "prompt": "", "a": "", "b": "", **texts}
        return {**state, "done": position.done, "total": position.total}

    def vote(
        self,
        battle_id: str,
        winner: str,
        request: gr.Request,
        criteria: dict[str, str] | None = None,
        comment: str = "",
    ) -> dict[str, Any]:
        """Judge a battle once. `winner` is model_a, model_b, tie or tie (bothbad); returns a receipt.

        `criteria` maps correct, complete and clear to a, tie or b.
        """
        lang, rooms = self._lang(request), self._services.rooms
        with refusals(lang):
            judge = self._judge(request)
            judges = (rooms and rooms.was_shown(str(battle_id), judge)) or self._services.ballots
            vote = judges.cast(str(battle_id), judge, Judgement(winner, criteria, comment), address=address_of(request))
        choice, (a, b) = text(lang, f"vote_{vote.winner}"), (vote.battle.side(name).model.id for name in SideName)
        return {
            "vote_id": vote.id,
            "battle_id": vote.battle.id,
            "winner": str(vote.winner),
            "text": text(lang, "vote_line", choice=choice, a=a, b=b, id=vote.id[:8]),
        }

    def results(
        self,
        request: gr.Request,
        blind: bool = False,
        complete: bool = False,
        not_leaked: bool = False,
        room: str = "",
        not_suspicious: bool = False,
        models: list[str] | None = None,
        dimension: str = "",
        language: str = "",
        category: str = "",
    ) -> dict[str, Any]:
        """The results, as `python app.py results --json` prints them; the arguments are its filters."""
        with refusals(self._lang(request)):
            sees_all = self._services.access.sees_all_results("", self._is_host(request))
            code = room and self._rooms().room(room).code
            switches = bool(blind), bool(complete), bool(not_leaked), bool(not_suspicious)
            groups = (str(name) or None for name in (dimension, language, category))
            filters = Filters(*switches, code or None, tuple(map(str, models or ())), *groups)
            # First, since whoever makes names up would have results computed for each.
            filters.check(self._services.results.figures().choices)
            figures = self._services.results.figures(filters)
            return as_json(figures) if sees_all else {**as_json(figures), "by_room": {}}

    def export(self, request: gr.Request) -> gr.FileData:
        """All votes as one CSV file."""
        with refusals(self._lang(request)):
            self._services.access.check_unblinding("", self._is_host(request))
            return gr.FileData(path=str(self._services.export(False)))

    def _is_host(self, request: gr.Request) -> bool:
        """Whether the call has the admin token in its header. Raises InputError for a wrong one."""
        token, admin = request.headers.get(ADMIN_HEADER, ""), self._services.access.admin
        if token and admin:
            admin.check(token, address_of(request))
        return bool(token and admin)

    def _rooms(self) -> Rooms:
        """Raises InputError if no recorded answers are rated here."""
        if self._services.rooms is None:
            raise InputError("no_recorded", "There are no recorded answers to rate here.")
        return self._services.rooms

    def _lang(self, request: gr.Request) -> str:
        return lang_of(self._services.site.lang, request)

    def _judge(self, request: gr.Request) -> str:
        """The account, or else the session. Raises InputError if it has to be an account."""
        if not (judge := self._services.access.judge_of({"rater": f"api:{request.session_hash}"}, request)):
            raise no_account()
        return judge

    def _state(self, lang: str, battle: Battle, chat: Chat) -> dict[str, Any]:
        config = battle.a.config
        state: dict[str, Any] = {"battle_id": battle.id, "seed": config and config.seed}
        for side in SideName:
            answer = battle.side(side).answer
            state[str(side)], state[f"thinking_{side}"] = answer.text, answer.reasoning
            load = chat.pair[side].load_state
            state[f"status_{side}"] = status_line(lang, answer, chat.progress[side], load)
            state[f"seconds_{side}"], state[f"tokens_{side}"] = answer.usage.seconds, answer.usage.new_tokens
            state[f"finish_reason_{side}"] = answer.finish_reason
        return state
