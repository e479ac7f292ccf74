"""The raters tab's handlers, called as a forged request could call them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from pressing import press
from vote_samples import make_vote

from arena.events import CROWDED, EventLog
from arena.judging.limits import Admin, RateLimits
from arena.judging.withdrawals import Withdrawals
from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import VoteStore
from ui.access import Access
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.raters import RatersHandlers, RatersTab

REQUEST = SimpleNamespace(headers={"host": "arena.example"}, client=None)


@pytest.fixture
def page(tmp_path: Path) -> Any:
    """Votes of three raters, of whom two are one crowd."""
    with VoteLog(tmp_path / "votes.csv") as log, EventLog(tmp_path) as events:
        for number, judge in enumerate(("one", "two", "three")):
            log.append(make_vote(number, judge=judge))
        for judge in ("two", "three"):
            events.append(CROWDED, judge=judge, crowd="crowd-of-two")
        store = VoteStore(tmp_path)
        results, withdrawals = ResultsService(store), Withdrawals(store, events, str, lambda address: None)
        results.figures()
        tab: Any = SimpleNamespace(lang="en", admin=False, key="", request=REQUEST, require_opened=lambda: None)
        tabs = SimpleNamespace(get=lambda request: tab)
        access = Access(judge=str, admin=Admin("correct horse", RateLimits()))
        with make_blocks() as demo, gr.Tab() as place:
            part, browser = RatersTab(Labels(), place), gr.BrowserState()
            handlers = RatersHandlers(access, tabs, browser, part, results, withdrawals)  # type: ignore[arg-type]
            handlers.wire(demo)
        pressed = partial(press, demo, part, request=REQUEST)
        about = {"tab": tab, "part": part, "results": results, "withdrawals": withdrawals, "folder": tmp_path}
        yield SimpleNamespace(render=lambda: handlers.render(tab), press=pressed, **about)


def test_who_is_not_the_host_sees_no_exclusion_and_changes_none(page: Any) -> None:
    props = page.render()
    assert props[page.part.counted] == {"visible": False, "choices": [], "value": []}
    before = (page.folder / "events.jsonl").read_bytes()
    for call in (
        lambda: page.press("save", counted=["crowd-of-two"]),
        lambda: page.press("tab", event="select"),
    ):
        with pytest.raises(gr.Error, match="Admin token required"):
            call()
    assert (page.folder / "events.jsonl").read_bytes() == before and page.results.figures().votes == 1


def test_the_host_sees_why_raters_are_excluded_counts_them_and_excludes_them_again(page: Any) -> None:
    page.tab.admin, part = True, page.part
    line = "Beyond five from one address: raters 2, votes 2 (crowd-of)"
    shown = page.render()[part.counted]
    assert shown == {"visible": True, "choices": [(line, "crowd-of-two")], "value": []}
    page.press("save", counted=["crowd-of-two", "made up"])
    assert page.results.figures().votes == 3
    assert page.press("tab", event="select")[part.counted]["value"] == ["crowd-of-two"]
    page.press("save", counted=["crowd-of-two"])  # changes nothing and writes nothing
    page.press("save", counted=[])
    assert page.results.figures().votes == 1
    assert (page.folder / "events.jsonl").read_text().count('"included"') == 2
    page.tab.lang = "zh"
    assert page.render()[part.counted]["choices"][0][0].startswith("同一地址的第 6 位")


def test_a_host_changes_only_what_the_host_has_seen_and_changed(page: Any) -> None:
    page.tab.admin = True
    page.render()
    page.withdrawals.include("crowd-of-two", True)  # another host's, since
    page.press("save", counted=[])
    assert page.results.figures().votes == 3
    assert page.tab.raters == {"crowd-of-two": True}


def test_the_tab_asks_again_until_the_results_are_counted(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page.tab.admin, part = True, page.part
    with monkeypatch.context() as patched:
        patched.setattr(ResultsService, "soon", lambda *args, **how: None)
        counting = page.render()
        assert counting[part.note]["value"].startswith("Counting") and counting[part.timer] == {"active": True}
        page.press("save", counted=["crowd-of-two"])  # nobody was shown: nothing is changed
    counted = page.press("timer", event="tick")
    assert counted[part.timer]["active"] is False and counted[part.counted]["value"] == []
    page.tab.admin = False
    assert page.render()[part.timer] == {"active": False}
