"""The mode Rate: recorded answers, one pair after the other, whose models are named after each vote."""

from dataclasses import dataclass, replace
from html import escape

from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.judging.room import NO_ROOM, Room
from arena.judging.rooms import Rooms
from arena.types import SideName, Vote
from ui.arena.messages import answer_rows, asked, message_rows, written
from ui.arena.mode import ArenaMode
from ui.arena.outcome import revealed
from ui.arena.screen import PaneView, Phase, Screen
from ui.tabs import Judging, Tab
from ui.texts import text


@dataclass(frozen=True)
class Rate(ArenaMode):
    """Recorded answers, one pair after the other, whose models are named after each vote."""

    name = "rate"

    rooms: Rooms

    def vote(self, tab: Tab) -> Vote | None:
        return tab.judging.vote

    def detailed(self, tab: Tab, screen: Screen) -> Screen:
        says = f"{_place(tab)} {screen.says}".strip()
        return replace(screen, turn=self.battle_id(tab)[:8], says=says, can_skip=screen.phase == "vote")

    def phase(self, tab: Tab) -> Phase:
        if tab.judging.vote:
            return "voted"
        if tab.judging.position is None or self.room(tab).closed:
            return "empty"
        return "vote" if tab.judging.battle else "over"

    def pane(self, tab: Tab, side: SideName) -> PaneView:
        lang, battle, vote = tab.lang, tab.judging.battle, tab.judging.vote
        if battle is None:
            return PaneView(text(lang, f"side_{side}"))
        shown = battle.side(side)
        rows = message_rows(shown.messages) or [asked(battle.prompt)]
        if vote:
            return revealed(lang, battle, side, [*rows, *answer_rows(lang, shown.answer)])
        return PaneView(text(lang, f"side_{side}"), [*rows, *written(shown.answer.text)], "done", actions=("copy",))

    def room(self, tab: Tab) -> Room:
        """The room that the tab rates in."""
        return self.rooms.room_or_main(tab.room)

    def renew(self, tab: Tab) -> None:
        """Show the current battle, or draw the next one. A closed room has none, and the tab shows its results."""
        room = self.room(tab)
        tab.judging = Judging() if room.closed else Judging(room.assign(tab.known_judge, address=tab.address))

    def cast(self, tab: Tab, judgement: Judgement) -> None:
        """The vote on the battle that this tab shows; another tab of the same rater may show a later one."""
        vote = self.room(tab).cast(self.battle_id(tab), tab.known_judge, judgement, address=tab.address)
        tab.judging = Judging(tab.judging.position, vote)

    def raw(self, tab: Tab, side: SideName) -> str:
        return tab.judging.battle.side(side).answer.text if tab.judging.battle else ""

    def skip(self, tab: Tab) -> None:
        """Leave the battle out and go on."""
        if not self.room(tab).closed:
            self.room(tab).skip(self.battle_id(tab), tab.known_judge)
        self.renew(tab)

    def join(self, tab: Tab, code: str) -> None:
        """Rate in the room with this code. Raises InputError if there is none."""
        tab.room, tab.unknown_room = self.rooms.room(code).code, ""
        self.renew(tab)

    def opened(self, tab: Tab, room: str) -> None:
        """The page was opened, with a room in its address or none. A rater continues where they stopped, except that a
        wrong code must not lead to the open room unnoticed.
        """
        try:
            tab.room, tab.unknown_room = (self.rooms.room(room).code if room else NO_ROOM), ""
        except InputError as error:
            tab.room, tab.unknown_room = NO_ROOM, str(error.details["room"])
        current = self.room(tab)
        if tab.judge and not tab.unknown_room and current.has_started(tab.judge) and not current.closed:
            tab.judging = Judging(current.assign(tab.judge))

    @staticmethod
    def battle_id(tab: Tab) -> str:
        """The id of the battle that the tab shows, or ""."""
        return tab.judging.battle.id if tab.judging.battle else ""


def _place(tab: Tab) -> str:
    lang, room, position = tab.lang, tab.room, tab.judging.position
    if position is None:
        return ""
    place = min(position.done + 1, position.total)
    words = text(lang, "judge_progress", place=place, total=position.total)
    where = f"{escape(text(lang, 'room_is', code=room))} · " if room != NO_ROOM else ""
    done = position.done + (tab.judging.vote is not None)
    bar = f'<progress max="{position.total}" value="{done}" aria-hidden="true"></progress>'
    return f'<span class="place">{where}{escape(words)} {bar}</span>'
