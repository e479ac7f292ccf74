"""The Arena's handlers in named mode."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from served_app import ServedApp
from vote_samples import read_votes

from arena.answers import read_recorded
from arena.exports.conversation import as_json_lines, as_markdown
from arena.judging.pairs import pairs_of
from arena.types import SideName, Winner
from ui.arena.outcome import pill_labels


@pytest.fixture
def arena(put_together: Callable[..., ServedApp], arena_of: Callable[..., Any]) -> Any:
    """A page whose two models say one word, or go on for ever."""
    answers = [
        {"match": "slow", "steps": [{"text": "on ", "delay": 0.05, "times": 2000}]},
        {"steps": [{"text": "here"}]},
    ]
    arena = arena_of(put_together({"answers": answers}, {"answers": answers}))
    arena.choose("named")
    return arena


def test_the_last_update_of_a_turn_is_whole(arena: Any) -> None:
    *_, last = arena.send("hello")
    handlers = arena.handlers
    shown = handlers.render(arena.tab)
    assert set(last) == {component for component in shown if component in handlers._turn_outputs}
    assert {*arena.part.heads.values(), *arena.part.panes.values(), arena.part.phase} <= set(last)


def test_a_call_from_no_page_is_refused(arena: Any) -> None:
    with pytest.raises(gr.Error, match="no page"):
        arena.send("hello", session=None)


def test_the_mode_cannot_change_while_models_answer(arena: Any, eventually: Callable[..., bool]) -> None:
    turn = threading.Thread(target=arena.send, args=("slow",), daemon=True)
    turn.start()
    assert eventually(lambda: arena.phase() == "run")
    with pytest.warns(UserWarning, match="still being answered"):
        arena.choose("blind")
    assert arena.phase() == "run"
    arena.ask(partial(arena.handlers.stop, None))
    turn.join(60)
    arena.choose("blind")
    assert arena.phase() == "empty"


def test_an_unknown_mode_is_refused_and_the_choice_shown_is_the_one_that_is_on(arena: Any) -> None:
    arena.choose("blind")
    with pytest.warns(UserWarning, match="no such mode"):
        sent = arena.choose("rate")
    assert (arena.tab.mode, sent[arena.part.composer.mode]["value"]) == ("blind", "blind")


def test_pills_and_colours_name_the_models_and_a_vote_marks_the_better_one(arena: Any) -> None:
    arena.send("hello")
    sent = repr(list(arena.handlers.render(arena.tab).values()))
    assert 'data-color="a"' in sent and 'data-color="b"' in sent and "Left is better" in sent
    assert 'data-mark="win"' not in sent
    after = repr(list(arena.vote(Winner.MODEL_B).values()))
    assert after.count('data-mark="win"') == after.count('data-mark="lose"') == 1
    assert "You chose" in after and "script-b" in after


def test_a_vote_can_be_changed_until_the_next_question_and_the_last_one_counts(arena: Any) -> None:
    arena.send("hello")
    arena.vote(Winner.MODEL_B)
    arena.vote(Winner.MODEL_B)  # a double click
    assert 'data-change="yes"' in repr(list(arena.vote(Winner.TIE).values()))
    store = arena.services.results.store
    votes = store.refresh()
    assert [stored.row["winner"] for stored in store.stored(votes.every_row)] == ["model_b", "tie"]
    assert [stored.row["winner"] for stored in store.stored(votes.table)] == ["tie"]
    arena.send("on")
    arena.vote(Winner.BOTH_BAD)
    votes = store.refresh()
    assert [stored.row["winner"] for stored in store.stored(votes.table)] == ["tie", "tie (bothbad)"]


def test_a_change_that_cannot_be_saved_leaves_the_vote_as_it_was(arena: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arena.send("hello")
    arena.vote(Winner.MODEL_B)
    monkeypatch.setattr(arena.services.ballots._log, "append", full_disk)
    with pytest.raises(OSError):
        arena.vote(Winner.TIE)
    monkeypatch.undo()
    store = arena.services.results.store
    assert [stored.row["winner"] for stored in store.stored(store.refresh().table)] == ["model_b"]
    arena.vote(Winner.TIE)
    assert [stored.row["winner"] for stored in store.stored(store.refresh().table)] == ["tie"]


def test_a_change_whose_first_vote_cannot_be_withdrawn_still_shows_the_vote_that_counts(
    arena: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena.send("hello")
    arena.vote(Winner.MODEL_B)
    monkeypatch.setattr(arena.services.withdrawals.events, "append", full_disk)
    with pytest.warns(UserWarning, match="NOT withdrawn"):
        arena.vote(Winner.TIE)
    store = arena.services.results.store
    assert [stored.row["winner"] for stored in store.stored(store.refresh().table)] == ["model_b"]
    assert arena.tab.vote.winner is Winner.MODEL_B
    monkeypatch.undo()
    arena.vote(Winner.BOTH_BAD)
    assert [stored.row["winner"] for stored in store.stored(store.refresh().table)] == ["tie (bothbad)"]
    arena.vote(Winner.MODEL_A)
    assert [stored.row["winner"] for stored in store.stored(store.refresh().table)] == ["model_a"]
    assert store.refresh().report.withdrawn == 3


def full_disk(*_: object, **__: object) -> None:
    raise OSError("No space left on device")


def test_the_last_question_is_edited_and_asked_again(arena: Any) -> None:
    arena.send("hello")
    arena.send("tow")
    box, edit = arena.part.composer.box, arena.part.edit
    assert arena.ask(arena.handlers.edit, "what I began")[box] == "tow"
    cancelled = arena.ask(arena.handlers.edit, "two")
    assert cancelled[box] == "what I began" and cancelled[edit] == "Edit question"
    assert arena.ask(arena.handlers.edit, "")[box] == "tow"
    assert arena.ask(arena.handlers.edit, "tow")[box] == ""
    arena.ask(arena.handlers.edit, "")
    arena.send("two")
    assert [turn.prompt for turn in arena.tab.chat.turns] == ["hello", "two"]
    arena.send("three")
    assert [turn.prompt for turn in arena.tab.chat.turns] == ["hello", "two", "three"]


def test_before_a_question_there_is_nothing_to_edit_or_to_take_away(arena: Any) -> None:
    assert arena.ask(arena.handlers.edit, "typed")[arena.part.composer.box] == "typed"
    assert arena.tab.draft is None and arena.handlers._file(as_markdown, arena.tab) == ""


def test_a_conversation_is_taken_away_with_all_turns_and_can_be_read_again(arena: Any, tmp_path: Path) -> None:
    arena.send("hello")
    arena.send("two\nlines")
    words = arena.handlers._file(as_markdown, arena.tab)
    assert words.index("## 1\n\n> hello\n") < words.index("## 2\n\n> two\n> lines\n")
    assert words.count("### script-a\n\nhere\n") == words.count("### script-b\n\nhere\n") == 2
    file = tmp_path / "conversation.jsonl"
    file.write_text(arena.handlers._file(as_json_lines, arena.tab), encoding="utf-8")
    entries = read_recorded(file)
    assert [(entry.turn, entry.side.model.id, entry.side.answer.text) for entry in entries] == [
        (turn, f"script-{side}", "here") for turn in (1, 2) for side in "ab"
    ]
    (pair,) = pairs_of(entries)
    assert (pair.turn, pair.prompt) == (2, "two\nlines")
    assert entries[-1].side.messages[-1].content == "two\nlines" and entries[-1].side.config is not None


def test_a_browser_that_keeps_nothing_asks_but_does_not_vote(arena: Any) -> None:
    arena.send("hello", stored={})
    with pytest.warns(UserWarning, match="blocks storage"):
        arena.vote(stored={})
    assert arena.phase() == "vote"


THOUGHT = [{"text": "<think>"}, {"text": "hm ", "times": 4}, {"text": "</think>"}, {"text": "Yes"}]


@pytest.fixture
def thinking(put_together: Callable[..., ServedApp], arena_of: Callable[..., Any]) -> Any:
    """A page with a model whose thinking can be switched, and one that always thinks."""
    script = {"answers": [{"steps": THOUGHT}]}
    arena = arena_of(put_together({**script, "thinking": "switch"}, {**script, "thinking": "always"}))
    arena.choose("named")
    return arena


def shown(arena: Any) -> str:
    """All that the page shows."""
    return repr(list(arena.handlers.render(arena.tab).values()))


def test_each_side_says_whether_it_thinks(thinking: Any) -> None:
    assert "thinking off" in shown(thinking) and "always thinks, max. 1024" in shown(thinking)
    thinking.send("hello")
    assert "thinking off" in shown(thinking) and "always thinks, max. 1024" in shown(thinking)
    assert [thinking.tab.chat.turns[-1].side(side).answer.reasoning for side in SideName] == ["", "hm hm hm hm "]
    thinking.send("hello", thinking="２")
    assert "thinks, max. 2" in shown(thinking) and "2 of them thinking" in shown(thinking)


def test_thinking_that_is_no_limit_is_refused(thinking: Any) -> None:
    with pytest.warns(UserWarning, match="thinking must be off, on or a number of tokens"):
        thinking.send("hello", thinking="maybe")
    assert not thinking.tab.chat.turns


def test_a_vote_keeps_the_thinking_that_was_shown_and_its_limits(thinking: Any) -> None:
    thinking.send("hello", thinking="3")
    thinking.vote(Winner.MODEL_A)
    store = thinking.services.results.store
    (vote,) = [stored.vote for stored in store.stored(store.refresh().table)]
    assert [vote.battle.side(side).answer.reasoning for side in SideName] == ["hm hm \n"] * 2
    assert [vote.battle.side(side).config.thinking for side in SideName] == [3, 3]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("Qwen-7B-Chat", "ChatGLM3-6B"), ("Qwen", "ChatGLM3")),
        (("Qwen3.5-2B", "GLM-Edge-1.5B-Chat"), ("Qwen3.5", "GLM")),
        (("Qwen3.5-2B", "Qwen3.5-9B"), ("Left", "Right")),
        (("SmolLM2-135M (T=0.2)", "SmolLM2-135M (T=1.0)"), ("Left", "Right")),
        (("a_folder_with_a_long_name", "Qwen-7B-Chat"), ("Left", "Right")),
    ],
)
def test_pills_name_the_models_where_that_is_short_and_clear(names: tuple[str, str], words: tuple[str, str]) -> None:
    labels = pill_labels("en", dict(zip(SideName, names, strict=True)))
    assert (labels[Winner.MODEL_A], labels[Winner.MODEL_B]) == tuple(f"{word} is better" for word in words)


def test_the_choice_follows_the_models_but_not_before_the_page_is_rendered(
    put_together: Callable[..., ServedApp], arena_of: Callable[..., Any]
) -> None:
    scripts = [{"answers": [{"steps": [{"text": "x"}]}]} for _ in "abc"]
    arena = arena_of(put_together(*scripts[:2], more=scripts[2:]))
    handlers, part = arena.handlers, arena.part
    # The browser selects the tab as it opens the page.
    assert handlers.show_models(arena.tab) == {}
    assert handlers.render(arena.tab)[part.choice] == {"visible": True}
    arena.services.roster.remove("script-c")
    shown = handlers.show_models(arena.tab)
    assert shown[part.choice]["visible"] is False
    assert [model for _, model in shown[part.pickers[SideName.A]]["choices"]] == ["script-a", "script-b"]


@pytest.mark.parametrize("mode", ["named", "blind"])
def test_a_vote_that_a_crash_kept_from_its_tab_is_shown_and_counts_once(
    mode: str, put_together: Callable[..., ServedApp], arena_of: Callable[..., Any]
) -> None:
    script = {"answers": [{"steps": [{"text": "here"}]}]}
    before = put_together(script, script)
    arena = arena_of(before)
    arena.choose(mode)
    arena.tab.key = "secret"
    arena.send("hello")
    (kept,) = (before.data_dir / "sessions").iterdir()
    unjudged = kept.read_bytes()
    arena.vote(Winner.MODEL_B)
    kept.write_bytes(unjudged)  # the crash came after the row in votes.csv and before the tab was saved
    again = arena_of(put_together(script, script, data_dir=before.data_dir))
    again.tab.key = "secret"
    again.tab.judge = "r"
    again.handlers.opened(again.tab)
    assert (again.tab.mode, again.phase()) == (mode, "voted")
    assert "script-b" in repr(list(again.handlers.render(again.tab).values()))
    again.vote(Winner.MODEL_B)
    (vote,) = read_votes(before.data_dir)
    assert vote.winner == Winner.MODEL_B


def test_after_a_vote_enter_is_offered_only_where_it_begins_a_new_battle(arena: Any) -> None:
    for mode, hint in (("named", "Ask a follow-up…"), ("blind", "or press Enter for a new battle")):
        arena.choose(mode)
        arena.send("hello")
        arena.vote()
        assert arena.phase() == "voted" and hint in arena.handlers._mode(arena.tab).screen(arena.tab).hint
        arena.send("")
        assert arena.phase() == ("voted" if mode == "named" else "empty")


def test_a_page_that_this_process_does_not_know_is_reloaded_before_anything_is_done(arena: Any) -> None:
    arena.send("hello")
    arena.services.chats.close("one")  # as after a restart
    usual = {"headers": {"accept-language": "zh"}, "client": None, "query_params": {}}
    request: Any = SimpleNamespace(session_hash="one", **usual)
    handlers = arena.handlers
    calls: list[Any] = [(handlers.renew,), (handlers.edit, "typed"), (handlers.show_room_results,)]
    # Copy and Save would hand over nothing and say that they have.
    calls += [(partial(handlers.stop, None),), (partial(handlers._raw, "a"),), (partial(handlers._file, as_markdown),)]
    for handler, *typed in calls:
        with pytest.raises(gr.Error, match=r'class="stale".*页面会自动刷新'):
            arena.handlers.answer(handler, request, {}, *typed)
    assert not arena.tab.chat.turns
