"""What each way to compare (named, blind, recorded answers) does for the Arena's handlers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.judging.withdrawals import Withdrawals
from arena.prompts import Prompt
from arena.sessions import Session
from arena.types import Battle, ModelSpec, SideName, Vote
from ui.arena.outcome import outcome_html, pill_labels, reference_html
from ui.arena.screen import Mode, PaneView, Phase, Screen
from ui.tabs import Tab
from ui.texts import text


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
        return f'<p class="receipt">{code} · {link}</p>{reference_html(lang, self.prompts, vote.battle)}'

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
