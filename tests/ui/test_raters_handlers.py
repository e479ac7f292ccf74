"""The raters tab's handlers, called as a forged request could call them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from vote_samples import make_vote

from arena.events import CROWDED, EventLog
from arena.judging.limits import Admin, RateLimits
from arena.judging.withdrawals import Withdrawals
from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import VoteStore
from ui.access import Access
from ui.components import Labels
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
        with gr.Blocks(), gr.Tab() as place:
            part = RatersTab(Labels(), place)
        tab = SimpleNamespace(lang="en", admin=False, key="")
        tabs = SimpleNamespace(get=lambda request: tab)
        access = Access(judge=str, admin=Admin("correct horse", RateLimits()))
        handlers = RatersHandlers(access, tabs, None, part, results, withdrawals)  # type: ignore[arg-type]
        yield SimpleNamespace(handlers=handlers, tab=tab, part=part, results=results, folder=tmp_path)


def test_who_is_not_the_host_sees_no_exclusion_and_changes_none(page: Any) -> None:
    props = page.handlers.render(page.tab, REQUEST)
    assert props[page.part.counted] == {"choices": [], "value": []}
    before = (page.folder / "events.jsonl").read_bytes()
    for call in (lambda: page.handlers.save(["crowd-of-two"], REQUEST), lambda: page.handlers.refresh(REQUEST)):
        with pytest.raises(gr.Error, match="Admin token required"):
            call()
    assert (page.folder / "events.jsonl").read_bytes() == before and page.results.figures().votes == 1


def test_the_host_sees_why_raters_are_excluded_counts_them_and_excludes_them_again(page: Any) -> None:
    page.tab.admin, part = True, page.part
    line = "Beyond five from one address: raters 2, votes 2 (crowd-of)"
    shown = page.handlers.render(page.tab, REQUEST)[part.counted]
    assert shown == {"choices": [(line, "crowd-of-two")], "value": []}
    page.handlers.save(["crowd-of-two", "made up"], REQUEST)
    assert page.results.figures().votes == 3
    assert page.handlers.render(page.tab, REQUEST)[part.counted]["value"] == ["crowd-of-two"]
    page.handlers.save(["crowd-of-two"], REQUEST)  # changes nothing and writes nothing
    page.handlers.save([], REQUEST)
    assert page.results.figures().votes == 1
    assert (page.folder / "events.jsonl").read_text().count('"included"') == 2
    page.tab.lang = "zh"
    assert page.handlers.render(page.tab, REQUEST)[part.counted]["choices"][0][0].startswith("同一地址的第 6 位")
