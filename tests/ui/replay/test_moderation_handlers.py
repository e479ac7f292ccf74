"""What is under a replayed battle: reports, hiding, and taking back a rater's votes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from served_app import ServedApp
from vote_samples import vote_between

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.limits import ADDRESS_PROMPTS, RateLimits
from arena.judging.moderation import Moderation
from arena.results.service import ResultsService
from arena.types import Winner
from arena.votes import VoteLog
from arena.votes.store import store_of
from arena.votes.withdrawals import Withdrawals
from ui.layout import Page
from ui.replay.handlers import JudgedBattles, ModerationHandlers, ReplayHandlers

NAMES = ("script-a", "script-b")
WORD = "why"  # of every prompt, in another case


def request(**changes: Any) -> Any:
    usual = {"session_hash": "one", "headers": {"accept-language": "en"}, "client": None, "query_params": {}}
    return SimpleNamespace(**{**usual, **changes})


def kept(rater: str = "r") -> dict[str, str]:
    return {"rater": rater, "lang": "en"}


class Made:
    """A page's replay on a log with four votes of three raters."""

    def __init__(self, app: ServedApp, folder: Path, events: EventLog, words: tuple[str, ...] = ()) -> None:
        self.service = ResultsService(store_of(folder))
        self.hidden = Moderation(events, words)
        self.services = replace(
            app.services,
            results=self.service,
            moderation=self.hidden,
            access=replace(app.services.access, count_prompt=RateLimits().count_prompt),
        )
        with gr.Blocks():
            page = Page(self.services)
        self.part = page.replay
        self.tab = SimpleNamespace(lang="en", results=None, admin=False)
        tabs: Any = SimpleNamespace(get=lambda request: self.tab)
        shared: Any = {"part": page.replay, "tabs": tabs, "browser": page.browser}
        judged = JudgedBattles(self.service, self.services.access, self.hidden)
        withdrawals = Withdrawals(folder, events, lambda judge: judge, lambda address: None)
        self.replay = ReplayHandlers(judged, app.services.backends, page_tabs=page.tabs, **shared)
        self.moderation = ModerationHandlers(judged, self.hidden, withdrawals, **shared)

    def look(self, battle: str = "battle-0") -> dict[Any, Any]:
        return self.replay.look(kept(), battle, request())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with VoteLog(tmp_path / "votes.csv") as log:
        for number, judge in enumerate(("one", "two", "one", "")):
            log.append(vote_between(number, *NAMES, Winner.TIE, judge=judge))
    return tmp_path


@pytest.fixture
def events(folder: Path) -> Iterator[EventLog]:
    with EventLog(folder) as log:
        yield log


@pytest.fixture
def made(scripted_app: ServedApp, folder: Path, events: EventLog) -> Made:
    return Made(scripted_app, folder, events)


def value(update: Any) -> str:
    return str(update.get("value", "") if isinstance(update, dict) else update)


def test_the_host_takes_back_all_votes_of_a_rater_and_nobody_else_does(made: Made) -> None:
    part, moderation = made.part, made.moderation
    assert made.look()[part.withdraw]["visible"] is False
    for handler in (moderation.ask_to_withdraw, moderation.withdraw, moderation.hide):
        with pytest.raises(gr.Error, match="Admin token required"):
            handler(kept(), "battle-0", request())
    assert made.service.figures().votes == 4
    made.tab.admin = True
    assert made.look()[part.withdraw]["visible"] is True
    sent = moderation.ask_to_withdraw(kept(), "battle-0", request())
    assert "This rater has 2 votes." in value(sent[part.answer]) and sent[part.sure]["visible"]
    assert made.service.figures().votes == 4
    assert "2 votes withdrawn" in value(moderation.withdraw(kept(), "battle-0", request())[part.answer])
    assert (made.service.figures().votes, made.service.figures().left_out.withdrawn) == (2, 2)
    nobody = moderation.ask_to_withdraw(kept(), "battle-3", request())
    assert "has no recorded rater" in value(nobody[part.answer]) and nobody[part.sure]["visible"] is False
    with pytest.raises(gr.Error):
        moderation.withdraw(kept(), "battle-3", request())


def test_what_several_readers_report_is_hidden_until_the_host_has_decided(made: Made) -> None:
    part = made.part
    for rater in ("a", "a", "b", "b"):
        assert made.look()[part.shown]["visible"]
        sent = made.moderation.report(kept(rater), "battle-0", request())
        assert "The host will review it" in value(sent[part.answer]) and sent[part.report]["interactive"] is False
    made.moderation.report(kept("c"), "battle-0", request())
    sent = made.look()
    assert "not shown here" in value(sent[part.note]) and sent[part.shown]["visible"] is False
    assert not any(name in repr(sent) for name in NAMES)
    (again,) = made.replay.again(kept(), "battle-0", request())
    assert "not shown here" in again and not any(name in again for name in NAMES)
    assert made.look("battle-1")[part.shown]["visible"]
    made.tab.admin = True
    sent = made.look("battle-1")
    assert 'href="?replay=battle-0"' in value(sent[part.reported]) and "(3)" in value(sent[part.reported])
    assert "several of them reported it" in value(made.look()[part.answer])
    sent = made.moderation.hide(kept(), "battle-0", request())  # to show it, that is
    assert value(sent[part.hide]) == "Hide from readers" and value(sent[part.reported]) == ""
    made.tab.admin = False
    assert made.look()[part.shown]["visible"]


def test_the_host_hides_a_battle_and_a_restart_knows_it(made: Made, folder: Path, events: EventLog) -> None:
    made.tab.admin = True
    sent = made.moderation.hide(kept(), "battle-1", request())
    assert value(sent[made.part.hide]) == "Show again" and "by the host" in value(sent[made.part.answer])
    made.tab.admin = False
    assert made.look("battle-1")[made.part.shown]["visible"] is False
    later = Moderation(events)
    assert len(list(later.noting(events.read()))) == 1
    assert later.why(vote_between(1, *NAMES, Winner.TIE).battle) == "host"


def test_a_word_of_the_list_hides_a_battle_and_its_vote_counts_on(
    scripted_app: ServedApp, folder: Path, events: EventLog
) -> None:
    made = Made(scripted_app, folder, events, (WORD,))
    assert made.look()[made.part.shown]["visible"] is False and made.service.figures().votes == 4
    made.tab.admin = True
    sent = made.look()
    assert sent[made.part.shown]["visible"] and "contains a word on the host" in value(sent[made.part.answer])


def test_whoever_asks_or_reports_too_often_is_refused(made: Made) -> None:
    client = SimpleNamespace(host="10.0.0.9")
    for number in range(ADDRESS_PROMPTS):
        made.moderation.report(kept(str(number)), "battle-0" if number % 2 else "battle-1", request(client=client))
        if number == 1:
            made.tab.admin = True  # or it would be hidden by now
    with pytest.raises(gr.Error, match="Too many prompts"):
        made.moderation.report(kept(), "battle-2", request(client=client))
    made.services.access.check_rate(request(client=SimpleNamespace(host="10.0.0.10")))
    with pytest.raises(InputError, match="Too many prompts"):
        made.services.access.check_rate(request(client=client))
    own = replace(made.services.access, is_local=True)
    own.check_rate(request(client=client))
    with pytest.raises(InputError):
        own.check_rate(request(client=client, headers={"x-forwarded-for": "10.0.0.9"}))
