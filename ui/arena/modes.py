"""The modes in which models answer: blind battles, whose models are named after the vote, and named conversations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from arena.exports.conversation import without_models
from arena.judging.ballots import Ballots, Judgement
from arena.judging.live import LiveBattles, LiveView
from arena.results.plots import color_of
from arena.roster import Roster
from arena.sessions import Session
from arena.types import Battle, ModelSpec, SideName, Vote
from ui.arena.messages import (
    answer_rows,
    answer_state,
    asked,
    queued_line,
    status_line,
    thinking_line,
    turns_rows,
    written,
)
from ui.arena.mode import ArenaMode, Question
from ui.arena.outcome import hint_text, pill_labels, revealed
from ui.arena.screen import PaneView, Phase, Screen, State
from ui.components import matching_prompt
from ui.tabs import LiveJudging, Tab
from ui.texts import text


@dataclass(frozen=True)
class Blind(ArenaMode):
    """A live battle whose models are named after the vote."""

    name = "blind"

    live: LiveBattles

    @property
    def offered(self) -> bool:
        return self.live.offered

    def vote(self, tab: Tab) -> Vote | None:
        return tab.live.vote

    def detailed(self, tab: Tab, screen: Screen) -> Screen:
        lang, phase, view = tab.lang, screen.phase, tab.live.view
        hint = hint_text(lang, phase, "next" if phase == "voted" else "ask")
        if view is None:
            return replace(screen, hint=hint)
        says = text(lang, f"live_{view.state}") if phase == "cut" else screen.says
        question = view.prompt if phase in ("vote", "cut") else ""
        return replace(screen, turn=view.battle_id[:8], says=says, question=question, hint=hint)

    def phase(self, tab: Tab) -> Phase:
        if tab.live.view is None:
            return "empty"
        if tab.live.view.state == "answering":
            return "run"
        if tab.live.view.state == "votable":
            return "voted" if tab.live.vote else "vote"
        return "cut"

    def pane(self, tab: Tab, side: SideName) -> PaneView:
        """Before the vote both sides say the same, so that nothing reveals a model."""
        lang, view, vote = tab.lang, tab.live.view, tab.live.vote
        title = text(lang, f"side_{side}")
        if view is None:
            return PaneView(title)
        rows = [row for turn in view.earlier for row in (asked(turn.prompt), *written(turn.texts[side]))]
        rows.append(asked(view.prompt))
        if vote:
            return revealed(lang, vote.battle, side, [*rows, *answer_rows(lang, vote.battle.side(side).answer)])
        rows += written(view.texts[side])
        if view.state == "answering":
            return PaneView(title, rows, "run", _blind_status(lang, view))
        if view.state == "votable":
            return PaneView(title, rows, "done", text(lang, "done"), actions=("copy",))
        return PaneView(title, rows, "stop", text(lang, "stopped"))

    def ask(self, tab: Tab, question: Question) -> Iterator[None]:
        """A new battle, or a further turn of one that is not judged yet, with the models' default settings."""
        prompt = question.prompt
        if tab.live.vote:
            self.renew(tab)
            if not prompt.strip():
                return iter(())
        known, again = matching_prompt(self.prompts, prompt), tab.draft is not None
        views = self.live.ask(tab.session, tab.judge, prompt, known, again=again)
        tab.live = LiveJudging(next(views))
        return self._follow(tab, views)

    def _follow(self, tab: Tab, views: Iterator[LiveView]) -> Iterator[None]:
        for view in views:
            turns = self.live.turns(tab.session) if view.state == "votable" else ()
            tab.live = LiveJudging(view, turns=turns)
            yield

    def conversation(self, tab: Tab) -> Sequence[Battle]:
        names = {side: text(tab.lang, f"side_{side}") for side in SideName}
        return tab.live.turns if tab.live.vote else [without_models(turn, names) for turn in tab.live.turns]

    def kept(self, tab: Tab) -> Mapping[str, Any]:
        view = tab.live.view
        return {"blind": tab.live.turns, "blind_vote": tab.live.vote} if view and view.state == "votable" else {}

    def restore(self, tab: Tab, kept: Session) -> None:
        if kept.blind and self.offered:
            view, vote = self.live.restore(tab.session, tab.judge, kept.blind)
            tab.live = LiveJudging(view, vote or kept.blind_vote, kept.blind)

    def stop(self, tab: Tab, side: SideName | None) -> None:
        self.live.stop(tab.session)

    def cast(self, tab: Tab, judgement: Judgement) -> None:
        vote = self.live.cast(tab.session, tab.known_judge, judgement, address=tab.address)
        tab.live = replace(tab.live, vote=vote)

    def raw(self, tab: Tab, side: SideName) -> str:
        return tab.live.view.texts[side] if tab.live.view else ""

    def renew(self, tab: Tab) -> None:
        """Forget the battle, so that the next question starts another one."""
        self.live.close(tab.session)
        tab.live = LiveJudging()


def _blind_status(lang: str, view: LiveView) -> str:
    """The same words for both sides, so that they do not reveal which one waits."""
    if any(view.texts.values()):
        return text(lang, "generating")
    return queued_line(lang, view.ahead, view.wait) if view.ahead else text(lang, "waiting")


@dataclass(frozen=True)
class Named(ArenaMode):
    """A conversation with both models, whose names are shown."""

    name = "named"

    roster: Roster
    ballots: Ballots

    @property
    def offered(self) -> bool:
        return bool(self.roster)

    def specs(self, tab: Tab) -> list[ModelSpec]:
        return [backend.spec for backend in tab.chat.pair.values()]

    def seat(self, tab: Tab, a: str, b: str) -> None:
        """Begin a new conversation with the models of these ids ("" is the tab's), unless they are the tab's.

        Raises InputError.
        """
        pair = self.roster.pair(a, b, tab.chat.pair)
        if pair == tab.chat.pair:
            return
        tab.chat.seat(pair)
        tab.vote = tab.draft = None
        for backend in pair.values():
            backend.load()

    def choose(self, tab: Tab, a: str, b: str) -> None:
        """The same; a side that is given the other's model exchanges them."""
        if a == b:
            then_a, then_b = (backend.spec.id for backend in tab.chat.pair.values())
            a, b = (a, then_a) if a != then_a else (then_b, b)
        self.seat(tab, a, b)

    def vote(self, tab: Tab) -> Vote | None:
        turns = tab.chat.turns
        return tab.vote if turns and tab.vote and tab.vote.battle.id == turns[-1].id else None

    def detailed(self, tab: Tab, screen: Screen) -> Screen:
        lang, turns, phase = tab.lang, tab.chat.turns, screen.phase
        change = f" <i>{escape(text(lang, 'change_vote'))}</i>" if screen.winner else ""
        return replace(
            screen,
            turn=str(len(turns)),
            says=screen.says + change,
            can_change=screen.winner is not None,
            question=turns[-1].prompt if phase in ("vote", "voted", "cut") else "",
            hint=hint_text(lang, phase, "ask" if not turns else "follow_up"),
            labels=pill_labels(lang, {side: backend.spec.name for side, backend in tab.chat.pair.items()}),
        )

    def phase(self, tab: Tab) -> Phase:
        if not tab.chat.turns:
            return "empty"
        if tab.chat.running:
            return "run"
        if self.vote(tab):
            return "voted"
        return "vote" if self.ballots.is_open(tab.chat.turns[-1].id) else "cut"

    def pane(self, tab: Tab, side: SideName) -> PaneView:
        backend, lang, turns = tab.chat.pair[side], tab.lang, tab.chat.turns
        spec = backend.spec
        last = turns[-1].side(side) if turns else None
        answer = last.answer if last else None
        state = answer_state(answer)
        doing = status_line(lang, answer, tab.chat.progress[side], backend.load_state)
        thinking = thinking_line(lang, spec, last.config if last else spec.config())
        return PaneView(
            title=spec.name,
            rows=turns_rows(lang, turns, side),
            state=state,
            meta=" · ".join(filter(None, (doing, thinking))),
            color=color_of(spec.id, [other.id for other in self.specs(tab)]),
            actions=self._actions(tab, side, state) if turns else (),
        )

    def _actions(self, tab: Tab, side: SideName, state: State) -> tuple[str, ...]:
        if state == "run":
            return ("stop",)
        can_continue = not tab.chat.running and tab.chat.can_continue(side)
        copy = ("copy",) if tab.chat.turns[-1].side(side).answer.text else ()
        return (*(("continue",) if can_continue else ()), "regenerate", *copy)

    def ask(self, tab: Tab, question: Question) -> Iterator[Battle]:
        known, again = matching_prompt(self.prompts, question.prompt), tab.draft is not None
        return tab.chat.ask(question.prompt, question.settings, question.system, known, again=again)

    def conversation(self, tab: Tab) -> tuple[Battle, ...]:
        return tab.chat.turns

    def continue_answer(self, tab: Tab, side: SideName) -> Iterator[Battle]:
        return tab.chat.continue_answer(side)

    def kept(self, tab: Tab) -> Mapping[str, Any]:
        return {"chat": tab.chat.turns, "chat_vote": tab.vote}

    def restore(self, tab: Tab, kept: Session) -> None:
        if kept.chat:
            tab.chat.restore(kept.chat, self.roster.pair_of(kept.chat[-1]))
            tab.vote = self.ballots.resume(tab.chat.turns[-1]) or kept.chat_vote

    def regenerate(self, tab: Tab, side: SideName) -> Iterator[Battle] | None:
        battles = tab.chat.regenerate(side)
        return battles if next(battles, None) else None

    def stop(self, tab: Tab, side: SideName | None) -> None:
        tab.chat.stop(side)

    def cast(self, tab: Tab, judgement: Judgement) -> None:
        turns, earlier, withdrawals = tab.chat.turns, self.vote(tab), self.withdrawals
        # A vote that a crash has replaced before the receipt is cast again.
        if earlier and judgement.repeats(earlier) and not withdrawals.is_withdrawn(earlier):
            return
        battle_id = turns[-1].id if turns else ""
        tab.vote = self.ballots.cast(
            battle_id,
            tab.known_judge,
            judgement,
            address=tab.address,
            instead_of=earlier,
            withdraw_others=withdrawals.withdraw_others,
        )

    def raw(self, tab: Tab, side: SideName) -> str:
        return tab.chat.turns[-1].side(side).answer.text if tab.chat.turns else ""

    def renew(self, tab: Tab) -> None:
        tab.chat.clear()
