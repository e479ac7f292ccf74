"""What the results tab and the replay send to a browser, apart from the browser."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from served_app import ServedApp, handlers_of
from vote_samples import make_side, vote_between

from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.results.service import ResultsService
from arena.types import Battle, Message, Winner
from arena.votes import VoteLog
from arena.votes.store import VoteStore
from ui.gradio.compat import make_blocks
from ui.page import Page
from ui.replay.handlers import ReplayHandlers
from ui.results import handlers
from ui.results.handlers import ResultsHandlers
from ui.tabs import Tab

STORED = {"rater": "r"}
REQUEST: Any = SimpleNamespace(session_hash="one", headers={"accept-language": "en"}, client=None, query_params={})
NAMES = ("script-a", "script-b")


@pytest.fixture
def log(tmp_path: Path) -> VoteLog:
    return VoteLog(tmp_path / "votes.csv")


class Made:
    """A page's results and replay on a log of its own."""

    def __init__(self, app: ServedApp, log: VoteLog, **services: Any) -> None:
        self.service = ResultsService(VoteStore(log.folder))
        self.services = replace(app.services, results=self.service, **services)
        with make_blocks():
            page = Page(self.services)
        self.tab = Tab(None, "en", REQUEST, mode="rate")  # type: ignore[arg-type]
        tabs = SimpleNamespace(get=lambda request: self.tab)
        self.results: Any = replace(handlers_of(page, ResultsHandlers), tabs=tabs)
        self.replay: Any = replace(handlers_of(page, ReplayHandlers), tabs=tabs)

    def ask(self, handler: Callable[..., Any], *values: Any) -> Any:
        """What a handler of either sends."""
        return self.results.answer(handler, REQUEST, STORED, *values)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, a handler waits for its answer."""
    monkeypatch.setattr(handlers, "_PATIENCE_SECONDS", 60.0)


@pytest.fixture
def served(scripted_app: ServedApp, log: VoteLog) -> Made:
    return Made(scripted_app, log)


def value(update: Any) -> Any:
    return update.get("value") if isinstance(update, dict) else update


def votes(log: VoteLog, count: int = 12, start: int = 0) -> None:
    for number in range(start, start + count):
        log.append(vote_between(number, *NAMES, Winner.MODEL_A, "q1-clothes", leaked=number % 3 == 0))


def test_the_tab_opens_with_the_sentence_and_has_what_there_is(served: Made, log: VoteLog) -> None:
    votes(log)
    part, sent = served.results.part, served.ask(served.results.results, [])
    assert "<h2>Raters prefer script-a.</h2>" in value(sent[part.summary])
    assert '<p class="lead">Raters prefer <b>script-a</b> to <b>script-b</b>' in value(sent[part.verdict])
    assert [choice for choice, _ in sent[part.filters]["choices"]] == [
        "blind votes (12)",
        "two complete answers (12)",
        "answers that don't reveal their model (8)",
        "votes that don't look careless (12)",
    ]
    shown = {name for name, fold in part.folds.items() if sent[fold]["visible"]}
    assert shown == {"counts", "prompt", "source", "bias", "agreement", "cost"}
    chart = value(sent[part.chart])
    assert 'aria-label="script-a won: 0, Ties: 0, Both bad: 0, script-b won: 12"' not in chart
    assert 'aria-label="script-b won: 0, Ties: 0, Both bad: 0, script-a won: 12"' in chart  # the colour a comes first
    assert sent[part.details]["visible"] and sent[part.actions]["visible"] and sent[part.timer]["active"]


def test_a_filter_counts_only_what_it_says(served: Made, log: VoteLog) -> None:
    votes(log)
    sent = served.ask(served.results.results, ["not_leaked"])
    assert "Based on 8 blind votes" in value(sent[served.results.part.verdict])
    assert sent[served.results.part.filters]["value"] == ["not_leaked"]


def test_nothing_is_sent_where_nothing_changed_and_what_did_change_otherwise(served: Made, log: VoteLog) -> None:
    votes(log)
    part = served.results.part
    served.ask(served.results.results, [])
    assert served.ask(served.results.live, []) == gr.skip()
    votes(log, 1, start=12)
    sent = served.ask(served.results.live, [])
    assert "Based on 8 blind votes" in value(sent[part.verdict]) and part.bodies["counts"] in sent
    assert part.folds["counts"] not in sent  # which would close or open it
    assert served.ask(served.results.live, []) == gr.skip()


def test_of_many_models_some_and_a_group_of_prompts_can_be_chosen(served: Made, log: VoteLog) -> None:
    votes(log)
    part = served.results.part
    sent = served.ask(served.results.results, [])
    assert not any(sent[chooser]["visible"] for chooser in part.choosers.values())
    for number in range(100, 112):
        language = "Chinese" if number % 3 else "English"
        log.append(vote_between(number, "third", NAMES[0], Winner.MODEL_A, "q1-clothes", language=language))
    sent = served.ask(served.results.results, [])
    assert "third ranks first of 3" in value(sent[part.summary]) or "no model of 3" in value(sent[part.summary])
    models, language = part.choosers["models"], part.choosers["language"]
    assert sent[models]["choices"] == [(name, name) for name in (*NAMES, "third")] and sent[models]["value"] == []
    assert sent[language]["choices"] == [("All", ""), ("Chinese", "Chinese"), ("English", "English")]
    assert [name for name, chooser in part.choosers.items() if sent[chooser]["visible"]] == ["models", "language"]
    assert 'class="matrix"' in value(sent[part.chart]) and sent[part.folds["counts"]]["open"]
    sent = served.ask(served.results.results, [], ["third", NAMES[0]], "", "English", "")
    assert "Based on 4 blind votes by 4 raters" in value(sent[part.verdict]) and sent[language]["value"] == "English"
    assert sent[models]["value"] == [NAMES[0], "third"] and sent[models]["visible"]


def test_the_table_of_many_pairs_is_closed_at_first(served: Made, log: VoteLog) -> None:
    for number, (a, b) in enumerate(combinations(["a", "b", "c", "d"], 2)):
        log.append(vote_between(number, a, b, Winner.TIE, "q1-clothes"))
    sent = served.ask(served.results.results, [])
    assert not sent[served.results.part.folds["counts"]]["open"]


def test_public_results_are_open_to_all_without_rooms_and_downloads(scripted_app: ServedApp, log: VoteLog) -> None:
    log.append(vote_between(1, *NAMES, Winner.MODEL_A, "q1-clothes", room="ABC234"))
    rooms: Any = SimpleNamespace(may_see_names=lambda judge: bool(done), finished_open=lambda judge: None, prompts=())
    done: list[str] = []
    access = replace(scripted_app.services.access, rooms=rooms, public_results=True)
    served = Made(scripted_app, log, access=access)
    part, sent = served.results.part, served.ask(served.results.results, [])
    assert "script-a leads" in value(sent[part.summary]) and sent[part.details]["visible"]
    assert not sent[part.download]["visible"] and not sent[part.download_excel]["visible"]
    assert not sent[part.folds["room"]]["visible"] and "ABC234" not in repr(sent)
    with pytest.raises(gr.Error, match="unlock"):
        served.ask(partial(served.results.write, False))
    replayed = repr(list(served.ask(served.replay.look, "battle-1").values()))
    assert "unlock when you have rated every pair" in replayed and not any(name in replayed for name in NAMES)
    done.append("r")
    sent = served.ask(served.results.live, [])
    assert sent[part.download]["visible"] and "ABC234" in value(sent[part.bodies["room"]])


def test_the_language_can_change(served: Made, log: VoteLog) -> None:
    votes(log)
    assert served.results.render(served.tab) == {}
    served.ask(served.results.results, [])
    served.tab.lang = "zh"
    props = served.results.render(served.tab)
    assert "<h2>投票者更喜欢 script-a。</h2>" in props[served.results.part.summary]["value"]
    assert "投票者更喜欢 <b>script-a</b>" in props[served.results.part.verdict]["value"]
    assert "冬天夏天穿衣" in props[served.results.part.bodies["prompt"]]["value"]


def test_a_reader_is_told_how_far_a_long_reading_is(
    served: Made, log: VoteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes(log)
    go_on, refresh = threading.Event(), served.service.store.refresh

    def slowly(progress: Callable[[int, int], None]) -> Any:
        progress(30, 120)
        go_on.wait(60)
        return refresh(progress)

    monkeypatch.setattr(served.service.store, "refresh", slowly)
    part = served.results.part
    monkeypatch.setattr(handlers, "_PATIENCE_SECONDS", 0.3)
    sent = served.ask(served.results.results, [])
    assert "Reading votes: 25%, about 0 s left" in sent[part.summary]
    assert sent[part.timer]["value"] == 1.0 and set(sent) == {part.summary, part.timer}
    monkeypatch.setattr(served.service, "progress", None)  # all is read, and being counted
    assert "Counting…" in served.ask(served.results.live, [])[part.summary]
    go_on.set()
    for _ in range(100):
        sent = served.ask(served.results.live, [])
        if part.filters in sent:
            break
    assert "Raters prefer" in value(sent[part.summary])


def test_a_rater_who_is_not_done_sees_the_battles_of_the_own_votes(scripted_app: ServedApp, log: VoteLog) -> None:
    access, rooms = scripted_app.services.access, SimpleNamespace(may_see_names=lambda judge: False, prompts=())
    rooms.finished_open = lambda judge: None
    log.append(vote_between(1, *NAMES, Winner.MODEL_A, "q1-clothes", judge=access.judge(STORED["rater"])))
    log.append(vote_between(2, *NAMES, Winner.MODEL_A, "q1-clothes", judge=access.judge("another")))
    served = Made(scripted_app, log, access=replace(access, rooms=rooms))  # type: ignore[arg-type]
    own, other = (repr(list(served.ask(served.replay.look, f"battle-{number}").values())) for number in (1, 2))
    assert all(name in own for name in NAMES) and not any(name in other for name in NAMES)


def test_who_is_not_done_sees_nothing_of_it(scripted_app: ServedApp, log: VoteLog) -> None:
    votes(log)
    rooms: Any = SimpleNamespace(may_see_names=lambda judge: False, finished_open=lambda judge: None, prompts=())
    served = Made(scripted_app, log, access=replace(scripted_app.services.access, rooms=rooms))
    sent = repr([*served.ask(served.results.results, []).values(), *served.ask(served.results.live, []).values()])
    assert "unlock when you have rated every pair" in sent and not any(name in sent for name in NAMES)
    timer = served.results.part.timer
    assert not served.ask(served.results.live, [])[timer]["active"]
    served.tab.mode = None  # the page is still loading: its reader may turn out to be the host
    assert served.ask(served.results.live, [])[timer]["active"]
    replayed = repr(list(served.ask(served.replay.look, "battle-1").values()))
    assert "unlock when you have rated every pair" in replayed and not any(name in replayed for name in NAMES)
    again = repr(list(served.ask(served.replay.again, "battle-1")))
    assert "unlock when you have rated every pair" in again and not any(name in again for name in NAMES)
    served.tab.admin = True
    assert "script-a" in repr(list(served.ask(served.replay.look, "battle-1").values()))


def test_locked_results_show_what_unlocks_them_and_nothing_else(scripted_app: ServedApp, log: VoteLog) -> None:
    votes(log)
    room, waiting = SimpleNamespace(code="ABC234"), ["r"]
    rooms: Any = SimpleNamespace(
        may_see_names=lambda judge: False, finished_open=lambda judge: room if waiting else None, prompts=()
    )
    served = Made(scripted_app, log, access=replace(scripted_app.services.access, rooms=rooms))
    part, sent = served.results.part, served.ask(served.results.results, [])
    assert value(sent[part.summary]) == '<div class="locked"><h2>Results unlock when room ABC234 is closed</h2></div>'
    waiting.clear()
    sent = served.ask(served.results.results, [])
    assert '<a class="button" href="#arena">Rate answers</a>' in value(sent[part.summary])
    assert not any(sent[block]["visible"] for block in (part.details, part.actions, part.filters, *part.folds.values()))
    assert not any(value(sent[block]) for block in (part.verdict, part.chart, *part.bodies.values()))
    served.tab.admin = True
    assert served.ask(served.results.results, [])[part.actions]["visible"]


# ---- the replay


def opened(served: Made, battle_id: str) -> dict[Any, Any]:
    """What a page shows whose address names a battle."""
    served.tab.request = SimpleNamespace(**{**vars(REQUEST), "query_params": {"replay": battle_id}})
    served.replay.opened(served.tab)
    return dict(served.replay.render(served.tab))


def replayable(app: ServedApp, text_a: str, text_b: str, **changes: Any) -> Battle:
    """A battle of the two scripts as they are here."""
    sides = {}
    for name, text in (("a", text_a), ("b", text_b)):
        side = make_side(f"script-{name}", text)
        sides[name] = replace(side, model=app.services.roster.first[name].spec, config=GenerationConfig(seed=5))
    return replace(Battle("battle-7", "code", sides["a"], sides["b"]), **changes)


def test_a_link_shows_the_texts_what_made_them_and_what_tells_them_apart(
    served: Made, scripted_app: ServedApp, log: VoteLog
) -> None:
    battle = replayable(scripted_app, "<b>left</b> text", "right text")
    log.append(replace(vote_between(7, *NAMES, Winner.TIE), battle=battle))
    sent, part = opened(served, "battle-7"), served.replay.part
    assert sent[part.page]["visible"] and sent[part.shown]["visible"] and value(sent[part.battle_id]) == "battle-7"
    title = value(sent[part.title])
    assert "<h1>One rater's vote: Tie</h1>" in title.replace("&#x27;", "'") and "<blockquote>code</blockquote>" in title
    assert 'href="./"' in title
    facts = value(sent[part.facts])
    assert "&quot;seed&quot;: 5" in facts
    assert facts.count("<code>") == 18 and hashlib.sha256(b"right text").hexdigest() in facts
    assert "right text" in repr(value(sent[part.panes["b"]])) and "code" not in repr(value(sent[part.panes["b"]]))
    served.tab.lang = "zh"
    assert "一位投票者的选择：不分上下" in served.replay.render(served.tab)[part.title]["value"]


def test_the_chosen_side_is_marked_in_the_colour_of_its_model(
    served: Made, scripted_app: ServedApp, log: VoteLog
) -> None:
    battle = replayable(scripted_app, "left text", "right text")
    log.append(replace(vote_between(7, *NAMES, Winner.MODEL_A), battle=battle))
    sent, part = opened(served, "battle-7"), served.replay.part
    left, right = (value(sent[part.heads[side]]) for side in "ab")
    assert 'data-color="b" data-mark="win"' in left and "Chosen" in left and "script-a" in left
    assert 'data-color="a" data-mark="lose"' in right and "Chosen" not in right
    assert '<b data-color="b">script-a</b> is better' in value(sent[part.title])


def test_a_longer_conversation_is_shown_whole_in_the_panes(served: Made, scripted_app: ServedApp, log: VoteLog) -> None:
    turns = (Message("user", "first"), Message("assistant", "<i>reply</i>"), Message("user", "second"))
    battle = replayable(scripted_app, "left text", "right text")
    battle = replace(battle, a=replace(battle.a, messages=turns), b=replace(battle.b, messages=turns))
    log.append(replace(vote_between(7, *NAMES, Winner.TIE), battle=battle))
    sent, part = opened(served, "battle-7"), served.replay.part
    assert "<blockquote>" not in value(sent[part.title])
    assert [row["role"] for row in value(sent[part.panes["a"]])] == ["user", "assistant", "user", "assistant"]


def test_the_same_output_and_another_one_are_told_apart(served: Made, scripted_app: ServedApp, log: VoteLog) -> None:
    battle = replayable(scripted_app, "    if x:\n\ty  \n\n", "    if y:")
    messages = (replace(battle.a.messages[0], content="code"),)
    battle = replace(battle, a=replace(battle.a, messages=messages), b=replace(battle.b, messages=messages))
    log.append(replace(vote_between(7, *NAMES, Winner.TIE), battle=battle))
    part = served.replay.part
    assert opened(served, "battle-7")[part.stop] == {"visible": False}
    *running, end = served.ask(served.replay.again, "battle-7")
    last = value(end[part.outcome])
    assert "Left (script-a): identical to the recorded output (16 characters)" in last
    assert "Right (script-b): The output differs from the recorded one after 7 characters" in last
    # Stop is there while the models answer, and only then.
    assert running and all(sent[part.stop]["visible"] for sent in running) and not end[part.stop]["visible"]
    sent = served.ask(served.replay.stopped)
    assert "stopped" in value(sent[part.outcome]) and not sent[part.stop]["visible"]


def test_what_cannot_be_asked_again_says_why(served: Made, scripted_app: ServedApp, log: VoteLog) -> None:
    battle = replayable(scripted_app, "one", "two")
    a = replace(battle.a, model=replace(battle.a.model, revision="other"))
    b = replace(battle.b, config=GenerationConfig())
    log.append(replace(vote_between(7, *NAMES, Winner.TIE), battle=replace(battle, a=a, b=b)))
    log.append(vote_between(8, "gone", "script-b", Winner.TIE))
    part = served.replay.part
    (sent,) = served.ask(served.replay.again, "battle-7")
    output = value(sent[part.outcome])
    assert not sent[part.stop]["visible"]
    assert "Left (script-a): different weights or another precision are running here" in output
    assert "Right (script-b): no seed was recorded" in output
    (sent,) = served.ask(served.replay.again, "battle-8")
    assert "Left (gone): this model is not running here" in value(sent[part.outcome])


def test_votes_that_cannot_be_read_are_one_line(served: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(progress: object) -> None:
        raise OSError(13, "Permission denied", "folder/votes.csv")

    monkeypatch.setattr(served.service.store, "_refresh", fail)
    sent = served.ask(served.results.results, [])
    assert "votes.csv" in value(sent[served.results.part.summary]) and not sent[served.results.part.timer]["active"]
    assert "folder" not in value(sent[served.results.part.summary])


def test_a_look_after_a_long_time_finds_what_came_meanwhile(served: Made, log: VoteLog) -> None:
    votes(log)
    assert served.service.soon(seconds=60) is not None
    job = next(iter(served.service._jobs.values()))
    assert job.done()
    votes(log, 1, start=12)
    result = served.service.soon(seconds=60)
    assert result is not None and result.votes == 13


@pytest.mark.parametrize("battle_id", ["", "nothing", None])
def test_an_unknown_battle_is_one_line(served: Made, battle_id: str | None) -> None:
    sent = served.ask(served.replay.look, battle_id)
    assert "There is no vote on this battle" in value(sent[served.replay.part.title])
    assert sent[served.replay.part.shown]["visible"] is False


def test_an_address_without_a_battle_opens_nothing(served: Made) -> None:
    served.replay.opened(served.tab)
    assert served.replay.render(served.tab) == {}


def test_the_service_raises_the_error_of_its_thread(served: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(progress: object) -> None:
        raise InputError("votes_unreadable", "no")

    monkeypatch.setattr(served.service.store, "refresh", fail)
    for _ in range(2):
        with pytest.raises(InputError):
            served.service.soon(seconds=60)
