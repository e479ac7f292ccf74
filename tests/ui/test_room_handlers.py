"""The class tab's handlers, called as a forged request could call them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from pressing import press
from vote_samples import make_side

from arena.judging.ballots import Ballots
from arena.judging.limits import Admin, RateLimits
from arena.judging.pairs import pairs_of
from arena.judging.rooms import Rooms
from arena.recorded import Recorded
from arena.results.service import ResultsService
from arena.votes.backup_status import BackupStatus
from arena.votes.store import VoteStore
from ui.access import Access
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.rooms import ClassTab, RoomHandlers, counts_block, link_block
from ui.services import Site
from ui.tabs import Tab

TOKEN = "correct horse"
REQUEST = SimpleNamespace(headers={"host": "arena.example:80", "origin": "https://arena.example"}, client=None)


class Kept:
    """An event log that holds nothing, and takes everything."""

    def append(self, kind: str, durable: bool = False, **about: object) -> None:
        pass


@pytest.fixture
def page(tmp_path: Path) -> SimpleNamespace:
    sides = [Recorded("q1", "Why?", make_side(name, "text")) for name in ("first model", "second model")]
    rooms = Rooms(pairs_of(sides), Ballots(SimpleNamespace(append=lambda vote: None)), Kept())
    status = BackupStatus("Hub somebody/votes", 3, time=1_795_863_600.0)
    access, results = Access(judge=str, admin=Admin(TOKEN, RateLimits())), ResultsService(VoteStore(tmp_path))
    with make_blocks() as demo:
        part = ClassTab(Labels(lambda: {"prompt_q1": ("题一", "Question 1")}), rooms.prompts)
    tab = Tab(None, "en", REQUEST, opened=True)  # type: ignore[arg-type]
    tabs = SimpleNamespace(get=lambda request: tab)
    site = Site(secret="", backup=lambda: status)
    with demo:
        events = RoomHandlers(access, tabs, gr.BrowserState(), part, rooms, results, site)  # type: ignore[arg-type]
        events.wire(demo)
    pressed = partial(press, demo, part, request=REQUEST)
    return SimpleNamespace(events=events, rooms=rooms, tab=tab, part=part, press=pressed)


def test_the_host_alone_is_told_where_votes_are_copied_to(page: SimpleNamespace) -> None:
    before = page.events.render(page.tab)[page.part.backup]["value"]
    page.tab.admin = True
    after = page.events.render(page.tab)[page.part.backup]["value"]
    assert before == "" and "somebody/votes" in after and "2026-11-28 11:00 UTC; 3 waiting" in after


def test_without_the_token_nothing_is_opened_chosen_or_closed(page: SimpleNamespace) -> None:
    room = page.rooms.open(["q1"], 3)
    page.tab.class_room = room.code
    for call in (
        lambda: page.press("open", prompts=["q1"], expected="30"),
        lambda: page.press("chooser", event="input", chooser=room.code),
        lambda: page.press("close"),
    ):
        with pytest.raises(gr.Error, match="Admin token required"):
            call()
    assert page.rooms.rooms == (room,)
    shown = repr([*page.press("timer", event="tick").values(), *page.events.render(page.tab).values()])
    assert room.code not in shown and "Votes" not in shown


def test_the_newest_open_room_is_shown_and_all_once_it_is_closed(page: SimpleNamespace) -> None:
    page.rooms.open(["q1"], 3)
    room, page.tab.admin = page.rooms.open(["q1"], 3), True
    newest = page.rooms.rooms[0].code
    shown = page.events.render(page.tab)
    assert shown[page.part.chooser]["value"] == newest and newest in shown[page.part.link]["value"]
    page.tab.class_room = room.code
    assert set(page.press("timer", event="tick")) == {page.part.counts}
    page.rooms.close(room.code)
    updates = page.press("timer", event="tick")
    assert updates[page.part.link] == "" and not updates[page.part.timer]["active"]
    assert "closed" in repr(updates[page.part.results])


def test_after_a_reload_the_room_that_is_shown_is_the_one_that_is_closed(page: SimpleNamespace) -> None:
    room, page.tab.admin = page.rooms.open(["q1"], 3), True
    assert page.events.render(page.tab)[page.part.chooser]["value"] == room.code
    newer = page.rooms.open(["q1"], 3)  # by another host
    counted = page.press("timer", event="tick")
    assert page.tab.class_room == room.code and set(counted) == {page.part.counts}
    page.press("close")
    assert page.rooms.room(room.code).closed and not page.rooms.room(newer.code).closed


def test_a_page_that_this_process_does_not_know_is_reloaded_and_not_emptied(page: SimpleNamespace) -> None:
    room = page.rooms.open(["q1"], 3)
    page.tab.opened = False  # its connection has ended; so has its sign-in
    for name, typed in (("timer", {"event": "tick"}), ("open", {"prompts": ["q1"], "expected": "3"}), ("close", {})):
        with pytest.raises(gr.Error, match='class="stale"'):
            page.press(name, **typed)
    assert page.rooms.rooms == (room,) and not room.closed


def test_counts_tell_joined_finished_and_votes(page: SimpleNamespace) -> None:
    block = counts_block("zh", page.rooms.open(["q1"], 3))
    for figure in (
        "<b>0</b> <span>人已加入",
        "<b>0 / 3</b> <span>人已完成",
        "<b>0</b> <span>票",
        "<b>1</b> <span>道题",
    ):
        assert figure in block
    assert counts_block("zh", None) == ""


@pytest.mark.parametrize("typed", ["", None, "many", "-3", "0", "9" * 30, "１２x"])
def test_a_number_of_raters_that_is_none_is_refused(page: SimpleNamespace, typed: str | None) -> None:
    page.tab.admin = True
    with pytest.raises(gr.Error, match="between 1 and"):
        page.press("open", prompts=["q1"], expected=typed)


def test_a_room_is_shown_by_the_address_that_the_page_has(page: SimpleNamespace) -> None:
    page.tab.admin = True
    shown = page.press("open", prompts=["q1"], expected="１２")
    (room,) = page.rooms.rooms
    assert room.wanted == 12 and f"https://arena.example/?room={room.code}" in shown[page.part.link]
    public = replace(page.events, site=Site(secret="", public_url="https://public.example/arena/"))
    assert f"https://public.example/arena/?room={room.code}" in repr(public.render(page.tab))
    assert "<script" not in link_block("en", 'https://"><script>', room)
