"""The replay: its components, and the handlers that show a battle, ask again, report, hide and withdraw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.moderation import Moderation
from arena.judging.withdrawals import Withdrawals
from arena.results.replay import ask_again, find_vote, obstacle
from arena.results.service import ResultsService
from arena.roster import Roster
from arena.types import SideName, Vote
from ui.access import require_admin
from ui.arena.screen import Screen, head_html
from ui.components import BARE, Labels, answer_pane
from ui.markup import alert, status
from ui.replay.view import arena_link, facts_block, outcome_block, pane_views, title_html
from ui.tabs import Tab
from ui.texts import error_text, text
from ui.updates import REPEAT_SECONDS, TURNS, UNQUEUED, Handlers, Props, Updates, changed, throttled

MAX_REPORTED = 50


class ReplayPart:
    """The components that handlers read or write; `heads` and `panes` by side. `has_admin` adds the host's part."""

    def __init__(self, labels: Labels, has_admin: bool) -> None:
        with gr.Column(elem_id="replay", elem_classes="tabitem", visible=False) as self.page:
            self.battle_id = gr.Textbox("", elem_id="replay_battle", show_label=False)  # replay.css hides it
            self.title = gr.HTML("", elem_id="replay_title", **BARE)
            with gr.Column(visible=False, elem_id="replay_shown") as self.shown:
                self.heads: dict[SideName, gr.HTML] = {}
                self.panes: dict[SideName, gr.Chatbot] = {}
                with gr.Row(elem_id="replay_panes"):
                    for side in SideName:
                        with gr.Column(elem_classes="side", min_width=280):
                            self.heads[side] = gr.HTML(elem_id=f"replay_head_{side}", elem_classes="headbox", **BARE)
                            self.panes[side] = answer_pane(labels, f"replay_side_{side}", f"replay_pane_{side}")
                with labels.accordion("replay_details"):
                    self.facts = gr.HTML("", elem_id="replay_facts")
                    with gr.Row(elem_classes="actions"):
                        self.again = labels.button("replay_again", min_width=260)
                        self.stop = labels.button("stop", "replay_stop", visible=False, min_width=100)
                    self.outcome = gr.HTML("", elem_id="replay_outcome")
                with gr.Row(elem_classes="actions"):
                    self.report = labels.button("replay_report", size="sm", min_width=160)
                    # For admins: visible once the tab has shown the token, which every use checks again.
                    self.hide = gr.Button("", elem_id="replay_hide", visible=False, size="sm", min_width=160)
                    self.withdraw = labels.button("replay_withdraw", visible=False, size="sm", min_width=260)
                self.answer = gr.HTML("", elem_id="replay_message")
                self.sure = labels.button("replay_withdraw_sure", "replay_sure", variant="stop", visible=False)
            with labels.accordion("replay_host", visible=has_admin):
                with gr.Row() as self.entry:
                    self.token = labels.textbox("host_token", "replay_token", type="password", max_lines=1, scale=4)
                    self.enter = labels.button("host_enter", "replay_enter", min_width=100)
                more: Any = {"allow_custom_value": True, "interactive": True, "visible": False}
                self.reported = labels.labelled(gr.Dropdown, "replay_other", "replay_reported", choices=[], **more)


@dataclass(frozen=True)
class ReplayHandlers(Handlers):
    """The replay of one page."""

    part: ReplayPart
    results: ResultsService
    moderation: Moderation
    withdrawals: Withdrawals
    roster: Roster

    def wire(self, demo: gr.Blocks) -> None:
        part, inputs = self.part, [self.part.battle_id]
        turn = {**TURNS, "show_progress": "minimal", "show_progress_on": [part.outcome]}
        asked = [part.outcome, part.stop]
        running = self.on(part.again.click, self.again, inputs, asked, **turn)
        self.on(part.stop.click, self.stopped, outputs=asked, cancels=[running], **UNQUEUED)
        self.on([part.enter.click, part.token.submit], self.enter, [*inputs, part.token])
        self.on(part.reported.input, self.look, [part.reported], concurrency_limit=4)
        clicks = {part.report: self.report, part.hide: self.hide, part.withdraw: self.ask_to_withdraw}
        for button, handler in {**clicks, part.sure: self.withdraw}.items():
            self.on(button.click, handler, inputs, concurrency_limit=1)

    def opened(self, tab: Tab) -> None:
        if "replay" in tab.request.query_params:
            self._find(tab, tab.request.query_params["replay"])

    def render(self, tab: Tab) -> Props:
        return self._page(tab, *tab.replay) if tab.replay else {}

    def look(self, tab: Tab, battle_id: str | None) -> Props:
        """Show a battle."""
        self._find(tab, battle_id or "")
        return self.render(tab)

    def enter(self, tab: Tab, battle_id: str | None, token: str | None) -> Props:
        """Check the host's token, and show what the host can do with the battle."""
        self.access.sign_in(tab, token)
        return {**self.look(tab, battle_id), self.part.token: {"value": ""}}

    def again(self, tab: Tab, battle_id: str | None) -> Iterator[Updates]:
        """Ask both sides again where that is possible, and compare the answers."""
        try:
            self.access.check_rate(tab.request)
            then = self._vote(tab, battle_id).battle
        except ArenaError as error:
            yield changed({}, self._asked(alert(error_text(tab.lang, error))))
            return
        here = {name: self.roster.get(then.side(name).model.id) for name in SideName}
        obstacles = {name: (why, here[name]) for name in SideName if (why := obstacle(then.side(name), here[name]))}
        able = {name: backend for name, backend in here.items() if backend and name not in obstacles}
        yield changed({}, self._asked(outcome_block(tab.lang, then, None, obstacles), is_running=bool(able)))
        if able:
            now = then
            for now in throttled(ask_again(then, able), REPEAT_SECONDS):
                yield changed({}, self._asked(outcome_block(tab.lang, then, now, obstacles), is_running=True))
            yield changed({}, self._asked(outcome_block(tab.lang, then, now, obstacles)))

    def stopped(self, tab: Tab) -> Props:
        """Say that the answers were stopped."""
        return self._asked(status(text(tab.lang, "replay_stopped")))

    def _asked(self, outcome: str, is_running: bool = False) -> Props:
        return {self.part.outcome: {"value": outcome}, self.part.stop: {"visible": is_running}}

    def report(self, tab: Tab, battle_id: str | None) -> Props:
        """Report the battle to the host."""
        judge, vote = tab.known_judge, self._vote(tab, battle_id)
        self.access.count_prompt(tab.address)
        self.moderation.report(vote.battle.id, judge)
        return {self.part.report: {"interactive": False}, **self._says(tab, "replay_reported")}

    def hide(self, tab: Tab, battle_id: str | None) -> Props:
        """Hide the battle from readers, or show it again."""
        part, battle = self.part, self._vote_for_admin(tab, battle_id).battle
        self.moderation.decide(battle.id, hide=not self.moderation.why(battle))
        shown = {**self._below(tab, self.moderation.why(battle)), **self._host(tab)}
        return {block: shown[block] for block in (part.hide, part.answer, part.reported)}

    def ask_to_withdraw(self, tab: Tab, battle_id: str | None) -> Props:
        """Ask for confirmation, with the number of the rater's votes."""
        judge, sure = self._vote_for_admin(tab, battle_id).judge, self.part.sure
        if not judge:
            return {sure: {"visible": False}, **self._says(tab, "replay_withdraw_nobody")}
        count = self.withdrawals.count(judge)
        return {sure: {"visible": True}, **self._says(tab, "replay_withdraw_count", count=count)}

    def withdraw(self, tab: Tab, battle_id: str | None) -> Props:
        """Withdraw all votes of the rater."""
        count = self.withdrawals.withdraw_judge(self._vote_for_admin(tab, battle_id).judge)
        gone: Props = {self.part.sure: {"visible": False}, self.part.withdraw: {"visible": False}}
        return {**gone, **self._says(tab, "judge_withdrawn", count=count)}

    def _says(self, tab: Tab, key: str, **fields: object) -> Props:
        return {self.part.answer: {"value": status(text(tab.lang, key, **fields))}}

    def _vote_for_admin(self, tab: Tab, battle_id: str | None) -> Vote:
        """Raises InputError for anybody but an admin."""
        require_admin(tab.admin)
        return self._vote(tab, battle_id)

    def _vote(self, tab: Tab, battle_id: str | None) -> Vote:
        """The vote on a battle.

        Raises InputError if there is none, if it would unblind a rater who is not done, and for a reader if it is
        hidden. A rater's own vote has named the models already.
        """
        vote = find_vote(self.results.store, battle_id or "")
        if vote is None:
            raise InputError("replay_unknown", "There is no vote on this battle.")
        is_own = bool(tab.judge) and vote.judge == tab.judge
        if vote.battle.source == "recorded" and not is_own:
            self.access.check_unblinding(tab.judge, tab.admin)
        if not tab.admin and self.moderation.why(vote.battle):
            raise InputError("battle_hidden", "This battle is not shown here.")
        return vote

    def _find(self, tab: Tab, battle_id: str) -> None:
        try:
            tab.replay = battle_id, self._vote(tab, battle_id.strip())
        except ArenaError as error:
            tab.replay = battle_id, error

    def _page(self, tab: Tab, battle_id: str, shown: Vote | ArenaError) -> Props:
        part = self.part
        page: Props = {part.page: {"visible": True}, part.battle_id: {"value": battle_id.strip()}}
        if isinstance(shown, Vote):
            return {**page, **self._battle(tab, shown)}
        refused = alert(error_text(tab.lang, shown)) + arena_link(tab.lang)
        return {**page, part.title: {"value": refused}, part.shown: {"visible": False}, **self._host(tab)}

    def _battle(self, tab: Tab, vote: Vote) -> Props:
        part, battle = self.part, vote.battle
        props: Props = {
            part.title: {"value": title_html(tab.lang, vote)},
            part.shown: {"visible": True},
            part.facts: {"value": facts_block(tab.lang, battle)},
            part.again: {"interactive": bool(self.roster)},
            **self._asked(""),
            **self._host(tab),
            **self._below(tab, self.moderation.why(battle)),
        }
        views = pane_views(tab.lang, battle)
        screen = Screen("named", "voted", views, winner=vote.winner)
        for name in SideName:
            props[part.heads[name]] = {"value": head_html(tab.lang, name, screen, chosen="replay_chosen")}
            props[part.panes[name]] = {"value": list(views[name].rows)}
        return props

    def _host(self, tab: Tab) -> Props:
        """What admins see whatever battle is shown: the form for the token, or the battles to decide on."""
        reported = self.moderation.undecided()[:MAX_REPORTED]
        choices = [(f"{battle[:8]} ({count})", battle) for battle, count in reported]
        shown = {"visible": tab.admin, "choices": choices, "value": None}
        return {
            self.part.entry: {"visible": not tab.admin},
            self.part.reported: shown if tab.admin else {"visible": False},
        }

    def _below(self, tab: Tab, why_hidden: str) -> Props:
        """What readers and admins can do with a battle. `why_hidden` is a moderation Reason."""
        part, words = self.part, text(tab.lang, "replay_unhide" if why_hidden else "replay_hide")
        return {
            part.report: {"visible": not tab.admin, "interactive": True},
            part.hide: {"visible": tab.admin, "value": words},
            part.withdraw: {"visible": tab.admin},
            part.sure: {"visible": False},
            part.answer: {"value": status(text(tab.lang, f"replay_hidden_{why_hidden}")) if why_hidden else ""},
        }
