"""What a blind battle sends to a browser, apart from the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
import pytest
from served_app import ServedApp
from vote_samples import make_side

from arena.errors import ErrorInfo
from arena.exports.conversation import as_json_lines, as_markdown, without_models
from arena.generation_config import GenerationConfig
from arena.judging.live import LiveView
from arena.types import Answer, Battle, Message, Side, SideName, Usage
from ui.arena.modes import _blind_status

# The scripts' ids and colours, and everything that only one of the sides has.
TELLING = re.compile(r"""script|tokens|\d s\b|model_a:|Stopped at|data-color="[ab]\"""")


@pytest.fixture(scope="module")
def app(put_together: Callable[..., ServedApp]) -> ServedApp:
    """Two quick scripts, of which the second is slow where the prompt asks for it."""
    quick = [{"text": "甲乙丙丁", "times": 30}]
    slow = {"match": "slow", "steps": [{"text": "子丑", "delay": 0.03, "times": 25}]}
    boom = {"match": "boom", "steps": [{"text": "well"}, {"raise": "disk on fire"}]}
    other = {"match": "", "steps": [{"text": "子丑", "times": 25}]}
    return put_together({"answers": [boom, {"match": "", "steps": quick}]}, {"answers": [slow, other]})


@pytest.fixture
def arena(app: ServedApp, arena_of: Callable[..., Any]) -> Any:
    return arena_of(app)


def sent(updates: list[dict[Any, Any]]) -> list[str]:
    return [repr(list(update.values())) for update in updates]


def test_nothing_that_is_sent_before_the_vote_tells_who_is_who(app: ServedApp, arena: Any) -> None:
    before = len(app.rows())
    updates = sent(arena.send("Why so slow?"))
    assert len(updates) > 5 and "both answers are in" in updates[-1].lower()
    assert [result for update in updates for result in TELLING.findall(update)] == []
    after = repr(list(arena.vote().values()))
    assert "<h2>script-a</h2>" in after and "<h2>script-b</h2>" in after and "tokens" in after
    assert 'data-color="a"' in after and 'data-color="b"' in after
    (row,) = app.rows()[before:]
    assert (row["anony"], row["source"], {row["model_a"], row["model_b"]}) == (
        "True",
        "live",
        {"script-a", "script-b"},
    )


def test_a_conversation_taken_away_names_the_models_after_the_vote_alone(arena: Any) -> None:
    arena.send("Why?")
    markdown, lines = (partial(arena.handlers._file, write) for write in (as_markdown, as_json_lines))
    for words in (markdown(arena.tab), lines(arena.tab)):
        assert "script" not in words and "Why?" in words and "甲乙丙丁" in words and "Left" in words
    assert not TELLING.search(markdown(arena.tab))
    assert {json.loads(line)["seconds"] for line in lines(arena.tab).splitlines()} == {None}
    arena.vote()
    assert all("script-a" in file(arena.tab) for file in (markdown, lines))


@pytest.mark.parametrize("write", [as_markdown, as_json_lines])
def test_two_sides_with_the_same_texts_are_the_same_in_a_file_before_the_vote(write: Callable[..., str]) -> None:
    """Side a has all that a model, its settings and its server can add to what a pane shows, side b has none of it."""
    talk = (Message("user", "Hi"), Message("assistant", "Ho"), Message("user", "Why?"))
    bare = Side(make_side("glm", "").model, talk, None, Answer("Because.", finish_reason="stop"))
    usage, error = Usage(3, 512, 0.5, 2.0, 7, 81.5), ErrorInfo("silent", "No sign.")
    answer = Answer("Because.", "Hm", 1, ("top_k",), "length", error, usage)
    rich = Side(make_side("qwen", "").model, (Message("system", "I"), *talk), GenerationConfig(seed=7), answer)
    battle = without_models(Battle("1", "Why?", rich, bare, turn=2, blind=True), dict.fromkeys(SideName, "X"))
    of_a, of_b = (write([replace(battle, a=side, b=side)]) for side in (battle.a, battle.b))
    assert of_a.replace('"model": "a"', '"model": "b"') == of_b and "Because." in of_a


def test_the_last_question_of_a_battle_is_edited_before_the_vote_alone(arena: Any, app: ServedApp) -> None:
    arena.send("First?")
    arena.send("Sceond?")
    box = arena.part.composer.box
    assert arena.ask(arena.handlers.edit, "")[box] == "Sceond?"
    updates = sent(arena.send("Second?"))
    assert "First?" in updates[-1] and "Second?" in updates[-1] and "Sceond?" not in updates[-1]
    arena.vote()
    assert (app.rows()[-1]["prompt"], app.rows()[-1]["turn"]) == ("Second?", "2")
    assert arena.ask(arena.handlers.edit, "typed")[box] == "typed"


def test_a_failure_is_told_without_its_words(arena: Any) -> None:
    updates = sent(arena.send("boom"))
    assert "no vote this round" in updates[-1] and not any("fire" in update for update in updates)
    with pytest.warns(UserWarning, match="no such battle"):
        arena.vote()


def test_a_vote_is_taken_once_and_from_the_tab_that_asked(app: ServedApp, arena: Any) -> None:
    arena.send("Why?")
    before = len(app.rows())
    with pytest.raises(gr.Error, match="no page"):
        arena.vote(session=None)
    with pytest.warns(UserWarning, match="no such battle"):
        arena.vote(session="another")
    assert len(app.rows()) == before
    arena.vote()
    with pytest.warns(UserWarning, match="already voted"):
        arena.vote()
    assert len(app.rows()) == before + 1


def test_a_question_before_the_vote_goes_on_and_after_it_begins_another_battle(arena: Any, app: ServedApp) -> None:
    arena.send("First?")
    assert "First?" in sent(arena.send("Second?"))[-1]
    arena.vote()
    assert app.rows()[-1]["turn"] == "2"
    updates = sent(arena.send("Third?"))
    assert "Third?" in updates[-1] and not any("First?" in update for update in updates)


def test_an_empty_question_after_the_vote_begins_another_battle(arena: Any) -> None:
    arena.send("Why?")
    arena.vote()
    arena.send("")
    assert arena.phase() == "empty"


@pytest.mark.parametrize("typed", ["", None, "  \u200b"])
def test_an_empty_question_changes_nothing(arena: Any, typed: str | None) -> None:
    with pytest.warns(UserWarning, match="The prompt is empty"):
        (update,) = arena.send(typed)
    assert len(update) == 1 and arena.phase() == "empty"


def test_a_browser_that_keeps_nothing_may_ask_and_takes_no_vote(app: ServedApp, arena: Any) -> None:
    arena.send("Why?", stored={})
    before = len(app.rows())
    with pytest.warns(UserWarning, match="blocks storage"):
        arena.vote(stored={})
    assert len(app.rows()) == before and arena.phase() == "vote"


@pytest.mark.parametrize(("wait", "words"), [(0, "Queued, 3 ahead"), (40, "Queued, 3 ahead, about 40 s")])
def test_the_queue_is_shown_to_a_rater_with_its_place_and_time(wait: int, words: str) -> None:
    assert _blind_status("en", LiveView("b1", "Why?", ahead=3, wait=wait)) == words
    assert "Queued" not in _blind_status("en", LiveView("b1", "Why?", {"a": "x", "b": "x"}, ahead=3))
