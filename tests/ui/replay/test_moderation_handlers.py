"""What is under a replayed battle: reports, hiding, and taking back a rater's votes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from served_app import ServedApp, handlers_of
from vote_samples import vote_between

from arena.errors import InputError
from arena.events import EventLog, read_events
from arena.judging.limits import ADDRESS_PROMPTS, Admin, RateLimits
from arena.judging.moderation import Moderation
from arena.judging.withdrawals import Withdrawals
from arena.results.service import ResultsService
from arena.types import Winner
from arena.votes import VoteLog
from arena.votes.store import VoteStore
from ui.gradio.compat import make_blocks
from ui.page import Page
from ui.replay.handlers import ReplayHandlers
from ui.tabs import Tab

NAMES = ("script-a", "script-b")
TOKEN = "correct horse battery"
WORD = "why"  # of every prompt, in another case


def request(**changes: Any) -> Any:
    usual = {"session_hash": "one", "headers": {"accept-language": "en"}, "client": None, "query_params": {}}
    return SimpleNamespace(**{**usual, **changes})


def kept(rater: str = "r") -> dict[str, str]:
    return {"rater": rater, "lang": "en"}


class Made:
    """A page's replay on a log with four votes of three raters."""

    def __init__(self, app: ServedApp, folder: Path, events: EventLog, words: tuple[str, ...] = ()) -> None:
        self.service = ResultsService(VoteStore(folder))
        self.hidden = Moderation(events, words)
        self.services = replace(
            app.services,
            results=self.service,
            moderation=self.hidden,
            access=replace(
                app.services.access, count_prompt=RateLimits().count_prompt, admin=Admin(TOKEN, RateLimits())
            ),
        )
        with make_blocks():
            page = Page(self.services)
        self.tab = Tab(None, "en", request(), mode="rate", opened=True)  # type: ignore[arg-type]
        tabs = SimpleNamespace(get=lambda request: self.tab)
        withdrawals = Withdrawals(self.service.store, events, lambda judge: judge, lambda address: None)
        self.replay: Any = replace(handlers_of(page, ReplayHandlers), tabs=tabs, withdrawals=withdrawals)
        self.part = self.replay.part

    def look(self, battle: str = "battle-0") -> dict[Any, Any]:
        return self.ask("look", battle)

    def ask(self, name: str, *values: Any, rater: str = "r") -> Any:
        """What a handler of the replay sends."""
        return self.replay.answer(getattr(self.replay, name), request(), kept(rater), *values)


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
def served(scripted_app: ServedApp, folder: Path, events: EventLog) -> Made:
    return Made(scripted_app, folder, events)


def value(update: Any) -> str:
    return str(update.get("value", "") if isinstance(update, dict) else update)


def test_the_host_takes_back_all_votes_of_a_rater_and_nobody_else_does(served: Made) -> None:
    part = served.part
    assert served.look()[part.withdraw]["visible"] is False
    for name in ("ask_to_withdraw", "withdraw", "hide"):
        with pytest.raises(gr.Error, match="Admin token required"):
            served.ask(name, "battle-0")
    assert served.service.figures().votes == 4
    served.tab.admin = True
    assert served.look()[part.withdraw]["visible"] is True
    sent = served.ask("ask_to_withdraw", "battle-0")
    assert "This rater has 2 votes." in value(sent[part.answer]) and sent[part.sure]["visible"]
    assert served.service.figures().votes == 4
    assert "2 votes withdrawn" in value(served.ask("withdraw", "battle-0")[part.answer])
    assert (served.service.figures().votes, served.service.figures().left_out.withdrawn) == (2, 2)
    nobody = served.ask("ask_to_withdraw", "battle-3")
    assert "has no recorded rater" in value(nobody[part.answer]) and nobody[part.sure]["visible"] is False
    with pytest.raises(gr.Error):
        served.ask("withdraw", "battle-3")


def test_the_token_opens_what_the_host_can_do_with_any_battle(served: Made) -> None:
    part = served.part
    served.hidden.decide("battle-1", hide=True)
    sent = served.look("battle-1")
    assert sent[part.entry]["visible"] and sent[part.reported]["visible"] is sent[part.shown]["visible"] is False
    with pytest.raises(gr.Error, match="Wrong token"):
        served.ask("enter", "battle-1", "wrong")
    assert served.look("battle-1")[part.reported] == gr.update(visible=False)
    sent = served.ask("enter", "battle-1", TOKEN)
    assert sent[part.reported]["visible"] and sent[part.shown]["visible"] and sent[part.token] == ""
    assert sent[part.entry]["visible"] is sent[part.report]["visible"] is False
    assert value(sent[part.hide]) == "Show again" and sent[part.withdraw]["visible"]
    sent = served.look("none")
    assert "There is no vote on this battle" in value(sent[part.title]) and sent[part.reported]["visible"]
    assert sent[part.shown]["visible"] is False


def test_what_several_readers_report_is_hidden_until_the_host_has_decided(served: Made) -> None:
    part = served.part
    for rater in ("a", "a", "b", "b"):
        assert served.look()[part.shown]["visible"]
        sent = served.ask("report", "battle-0", rater=rater)
        assert "The host will review it" in value(sent[part.answer]) and sent[part.report]["interactive"] is False
    served.ask("report", "battle-0", rater="c")
    sent = served.look()
    assert "not shown here" in value(sent[part.title]) and sent[part.shown]["visible"] is False
    assert not any(name in repr(sent) for name in NAMES)
    (again,) = served.ask("again", "battle-0")
    assert "not shown here" in value(again[part.outcome]) and again[part.stop]["visible"] is False
    assert not any(name in repr(again) for name in NAMES)
    assert served.look("battle-1")[part.shown]["visible"]
    served.tab.admin = True
    sent = served.look("battle-1")
    assert sent[part.reported]["choices"] == [("battle-0 (3)", "battle-0")]
    assert "several of them reported it" in value(served.look()[part.answer])
    sent = served.ask("hide", "battle-0")  # to show it, that is
    assert value(sent[part.hide]) == "Hide from readers" and sent[part.reported]["choices"] == []
    served.tab.admin = False
    assert served.look()[part.shown]["visible"]


def test_the_host_hides_a_battle_and_a_restart_knows_it(served: Made, folder: Path, events: EventLog) -> None:
    served.tab.admin = True
    sent = served.ask("hide", "battle-1")
    assert value(sent[served.part.hide]) == "Show again" and "by the host" in value(sent[served.part.answer])
    served.tab.admin = False
    assert served.look("battle-1")[served.part.shown]["visible"] is False
    later = Moderation(events)
    (event,) = read_events(events.folder)
    later.replay(event)
    assert later.why(vote_between(1, *NAMES, Winner.TIE).battle) == "host"


def test_a_word_of_the_list_hides_a_battle_and_its_vote_counts_on(
    scripted_app: ServedApp, folder: Path, events: EventLog
) -> None:
    served = Made(scripted_app, folder, events, (WORD,))
    assert served.look()[served.part.shown]["visible"] is False and served.service.figures().votes == 4
    served.tab.admin = True
    sent = served.look()
    assert sent[served.part.shown]["visible"] and "contains a word on the host" in value(sent[served.part.answer])


def test_whoever_asks_or_reports_too_often_is_refused(served: Made) -> None:
    client = SimpleNamespace(host="10.0.0.9")
    served.tab.request = request(client=client)
    for number in range(ADDRESS_PROMPTS):
        served.ask("report", "battle-0" if number % 2 else "battle-1", rater=str(number))
        if number == 1:
            served.tab.admin = True  # or it would be hidden by now
    with pytest.raises(gr.Error, match="Too many prompts"):
        served.ask("report", "battle-2")
    served.services.access.check_rate(request(client=SimpleNamespace(host="10.0.0.10")))
    with pytest.raises(InputError, match="Too many prompts"):
        served.services.access.check_rate(request(client=client))
    own = replace(served.services.access, is_local=True)
    own.check_rate(request(client=client, headers={"host": "127.0.0.1:7860"}))
    for header in ({"x-forwarded-for": "10.0.0.9"}, {"origin": "https://elsewhere.example"}):
        with pytest.raises(InputError):
            own.check_rate(request(client=client, headers={"host": "127.0.0.1:7860", **header}))
