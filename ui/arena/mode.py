"""What each way to compare (named, blind, recorded answers) does for the Arena's handlers, and what all of them show
once a battle has ended: the line under the panes, the pills, and the receipt.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

from arena.checks import check_answer, describe
from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.judging.withdrawals import Withdrawals
from arena.prompts import Prompt, Reference
from arena.results.plots import color_of
from arena.sessions import Session
from arena.types import Battle, ModelSpec, Side, SideName, Vote, Winner
from ui.arena.screen import CHOSEN, PILLS, Mode, PaneView, Phase, Row, Screen, thinking_line, usage_line
from ui.tabs import Tab
from ui.texts import text

_LONGEST_WORD = 16  # characters that fit a pill


def _reference(lang: str, prompts: Sequence[Prompt], battle: Battle) -> str:
    """The reference of the battle's prompt and the checks of both answers, folded; "" for a prompt without one."""
    reference = next((prompt.reference for prompt in prompts if prompt.id == battle.prompt_id), None)
    if reference is None:
        return ""
    known = f'<p class="known">{escape(reference.text)}</p>' if reference.text else ""
    checks = "".join(_side_checks(lang, reference, side, battle.side(side)) for side in SideName)
    if checks:
        note = escape(text(lang, "reference_note"))
        checks = f'<div class="checks">{checks}</div><p class="note">{note}</p>'
    title = escape(text(lang, "reference"))
    return f'<details class="reference"><summary>{title}</summary><div>{known}{checks}</div></details>'


def _side_checks(lang: str, reference: Reference, name: SideName, side: Side) -> str:
    written = [message.content for message in side.messages if message.role == "assistant"]
    checks = check_answer(reference, "\n\n".join([*written, side.answer.text]))
    if not checks:
        return ""
    lines = "".join(f"<li>{'✓' if check.passed else '✗'} {escape(describe(lang, check))}</li>" for check in checks)
    return f"<div><b>{escape(text(lang, f'side_{name}'))}</b><ul>{lines}</ul></div>"


def revealed(lang: str, battle: Battle, side: SideName, rows: Sequence[Row]) -> PaneView:
    """A pane once its model may be named."""
    shown = battle.side(side)
    meta = " · ".join(filter(None, (usage_line(lang, shown.answer), thinking_line(lang, shown.model, shown.config))))
    return PaneView(shown.model.name, rows, "done", meta, battle_color(battle, side), actions=("copy",))


def battle_color(battle: Battle, side: SideName) -> str:
    """The colour of a side's model."""
    return color_of(battle.side(side).model.id, (battle.a.model.id, battle.b.model.id))


def outcome_html(lang: str, phase: Phase, vote: Vote | None) -> str:
    """The line under the panes, as HTML."""
    if vote:
        return choice_html(lang, vote, "saved_model", f"saved_{vote.winner}")
    keys = {"vote": "vote_open", "cut": "vote_not"}
    return escape(text(lang, keys[phase])) if phase in keys else ""


def choice_html(lang: str, vote: Vote, named: str, unnamed: str) -> str:
    """The text `named` with the chosen model in its colour, or the text `unnamed` if none was chosen."""
    side = next((side for side, winner in CHOSEN.items() if winner is vote.winner), None)
    if side is None:
        return escape(text(lang, unnamed))
    name = f'<b data-color="{battle_color(vote.battle, side)}">{escape(vote.battle.side(side).model.name)}</b>'
    return escape(text(lang, named, model="\0")).replace("\0", name)


def hint_text(lang: str, phase: Phase, waiting: str) -> str:
    """The text in the empty input; `waiting` names the one for a phase in which nothing runs."""
    keys = {"run": "hint_run", "vote": "hint_vote", "voted": "hint_next"}
    return text(lang, keys.get(phase, f"hint_{waiting}"))


def pill_labels(lang: str, names: Mapping[SideName, str] | None = None) -> dict[Winner, str]:
    """The texts of the pills: with the first words of the models' names if these are short and differ, or with left
    and right."""
    labels = {winner: text(lang, f"vote_{winner}") for winner in PILLS}
    words = {side: name.split("-")[0] for side, name in (names or {}).items()}
    if len(set(words.values())) == len(SideName) and max(map(len, words.values())) <= _LONGEST_WORD:
        for side, word in words.items():
            labels[CHOSEN[side]] = text(lang, "vote_named", model=word)
    return labels


@dataclass(frozen=True)
class Question:
    """What a user typed: the prompt, the settings by name (None where a box is empty), and the system prompt."""

    prompt: str
    settings: Mapping[str, Any]
    system: str = ""


@dataclass(frozen=True)
class ArenaMode(ABC):
    """One way to compare. Every method may raise ArenaError; then nothing has changed."""

    name: ClassVar[Mode]
    prompts: Sequence[Prompt]
    withdrawals: Withdrawals

    @property
    def offered(self) -> bool:
        """Whether it can be chosen now; the models may not be here yet."""
        return True

    def specs(self, tab: Tab) -> Sequence[ModelSpec]:
        """The tab's models that may be named before a vote."""
        return ()

    def waits(self, tab: Tab) -> bool:
        """Whether a model of the tab is still being loaded."""
        return False

    def screen(self, tab: Tab) -> Screen:
        """What the tab shows now."""
        vote, phase = self.vote(tab), self.phase(tab)
        screen = Screen(
            mode=self.name,
            phase=phase,
            panes={side: self.pane(tab, side) for side in SideName},
            says=outcome_html(tab.lang, phase, vote),
            extra=self._receipt(tab.lang, vote) if vote else "",
            winner=vote.winner if vote else None,
            labels=pill_labels(tab.lang),
        )
        return self.detailed(tab, screen)

    def _receipt(self, lang: str, vote: Vote) -> str:
        """Receipt, withdrawal code, a link to the replay, and what a good answer should contain."""
        code = escape(text(lang, "receipt", id=vote.id[:8], code=self.withdrawals.code_of(vote.judge)))
        link = f'<a href="?replay={vote.battle.id}">{escape(text(lang, "replay_link"))}</a>'
        return f'<p class="receipt">{code} · {link}</p>{_reference(lang, self.prompts, vote.battle)}'

    @abstractmethod
    def phase(self, tab: Tab) -> Phase:
        """The phase that the tab is in."""

    @abstractmethod
    def pane(self, tab: Tab, side: SideName) -> PaneView:
        """What a pane shows now."""

    @abstractmethod
    def detailed(self, tab: Tab, screen: Screen) -> Screen:
        """The screen with what this mode alone shows."""

    @abstractmethod
    def vote(self, tab: Tab) -> Vote | None:
        """The vote on what the tab shows."""

    @abstractmethod
    def cast(self, tab: Tab, judgement: Judgement) -> None:
        """Votes on what the tab shows. The vote is on disk when this returns."""

    @abstractmethod
    def renew(self, tab: Tab) -> None:
        """Goes on to the next battle, or starts the first one."""

    @abstractmethod
    def raw(self, tab: Tab, side: SideName) -> str:
        """The last answer exactly as the model wrote it, as far as it is shown."""

    def ask(self, tab: Tab, question: Question) -> Iterator[object]:
        """Sends a question to both sides; each item is a change of the screen."""
        raise InputError("prompt_empty", "The prompt is empty.")

    def conversation(self, tab: Tab) -> Sequence[Battle]:
        """What the tab shows, as battles to download, without what it hides; empty if there is nothing."""
        return ()

    def continue_answer(self, tab: Tab, side: SideName) -> Iterator[object] | None:
        """The rest of an answer of one side that was cut."""
        return None

    def regenerate(self, tab: Tab, side: SideName) -> Iterator[object] | None:
        """Another answer of one side. None if the running turn shows it."""
        return None

    def stop(self, tab: Tab, side: SideName | None) -> None:
        """Stops one side, or both."""
        return None

    def kept(self, tab: Tab) -> Mapping[str, Any]:
        """The fields of a Session that keep what the tab shows in this mode."""
        return {}

    def restore(self, tab: Tab, kept: Session) -> None:
        """Shows again what the tab showed before a reload."""
        return None


Modes = Mapping[Mode, ArenaMode]
"""The ways to compare that a page has, the first one first."""


def offered(modes: Modes) -> list[Mode]:
    """Those that can be chosen now, or all if none can."""
    return [name for name, mode in modes.items() if mode.offered] or list(modes)


def mode_of(tab: Tab, modes: Modes) -> ArenaMode:
    """The mode that is on in a tab."""
    now = offered(modes)
    return modes[tab.mode if tab.mode in now else now[0]]
