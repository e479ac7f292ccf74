"""The lean page answers as gradio's own does, and makes nothing anew that a handler leaves alone."""

from __future__ import annotations

import asyncio
import copy
import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from gradio.queueing import Queue
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

from ui.gradio.lean import KEEP_SECONDS, LeanBlocks, LeanState

NAMES = ("text", "more", "pane", "button", "list", "file")


def page(kind: type[gr.Blocks]) -> tuple[gr.Blocks, dict[str, Any]]:
    """Some components, and a handler with all of them as outputs."""
    with kind() as demo:
        parts = {"text": gr.Textbox(), "more": gr.Markdown(), "pane": gr.Chatbot(), "button": gr.Button("x")}
        parts |= {"list": gr.Dropdown(["x", "z"]), "file": gr.DownloadButton("file")}
        parts["button"].click(lambda: {}, None, list(parts.values()))
        parts["other"] = gr.Textbox()
    return demo, parts


def answer(kind: type[gr.Blocks], output: Any) -> tuple[list[Any], list[str]]:
    """What the browser gets when the handler returns `told` (by name), and the kinds of components made anew."""
    demo, parts = page(kind)
    state, anew = SessionState(demo), []
    state._update_config = lambda key: anew.append(type(demo.blocks[key]).__name__)  # type: ignore[method-assign]
    output = copy.deepcopy(output)  # gradio takes updates apart
    predictions = {parts[name]: value for name, value in output.items()} if isinstance(output, dict) else output
    with ThreadPoolExecutor(1) as pool:  # where the tests' own thread may have a loop already
        created = pool.submit(asyncio.run, demo.postprocess_data(demo.fns[0], predictions, state)).result()
    return created, anew


TALK = [{"role": "assistant", "content": "hi"}]


@pytest.mark.parametrize(
    ("output", "anew"),
    [
        ({"text": "a"}, []),
        ({"more": "a", "pane": TALK}, []),
        ({"button": gr.update(interactive=False), "text": "a"}, []),
        ({"button": gr.update(value="y", visible=False)}, []),
        ({"pane": gr.update(value=TALK), "text": gr.skip()}, []),
        ({"more": gr.update(value=" a\n b", visible=True, label=None)}, []),
        ({"list": gr.update(choices=["x", ("why", "y")], value="y"), "text": gr.update(value=None)}, ["Dropdown"]),
        ({"list": gr.update(value="z")}, []),
        ({"file": gr.update(value=__file__, interactive=True)}, []),
        ({"text": gr.skip()}, []),
        ({"text": None}, []),
        (["a", "b", TALK, gr.update(value="y"), "x", None], ["Button"]),
    ],
)
def test_only_what_a_handler_tells_is_made_anew_and_the_answer_is_the_same(output: Any, anew: list[str]) -> None:
    created, made_anew = answer(LeanBlocks, output)
    assert made_anew == anew
    assert repr(created) == repr(answer(gr.Blocks, output)[0]) and len(created) == len(NAMES)


def test_without_it_gradio_makes_everything_anew() -> None:
    """Should a later gradio not do so, ui/gradio/lean.py can go."""
    assert sorted(answer(gr.Blocks, {"text": "a"})[1]) == [
        "Button",
        "Chatbot",
        "DownloadButton",
        "Dropdown",
        "Markdown",
    ]


def test_a_property_that_a_component_has_not_is_refused_as_ever() -> None:
    for kind in (LeanBlocks, gr.Blocks):
        with pytest.raises(TypeError, match="active"):
            answer(kind, {"button": gr.update(active=True)})


def test_a_component_that_is_no_output_is_refused_as_ever() -> None:
    for kind in (LeanBlocks, gr.Blocks):
        with pytest.raises(ValueError, match="not specified as output"):
            answer(kind, {"other": "a"})


def opened(kind: type[gr.Blocks]) -> StateHolder:
    """The holder of a served page's states."""
    demo, _ = page(kind)
    return App.create_app(demo).state_holder


def test_a_tabs_state_describes_no_component_and_keeps_what_is_chosen_from() -> None:
    holder = opened(LeanBlocks)
    state = holder["tab"]
    assert isinstance(state, LeanState) and not state.config_values
    assert holder["tab"] is state and holder["other"] is not state
    ordinary = opened(gr.Blocks)["tab"]
    assert len(ordinary.config_values) > 5 and len(state.blocks_config.blocks) == len(ordinary.blocks_config.blocks)
    [number] = [key for key, block in state.blocks_config.blocks.items() if isinstance(block, gr.Dropdown)]
    state[number] = gr.Dropdown(["new"], render=False)
    assert state[number].choices == [("new", "new")] and holder["other"][number].choices != [("new", "new")]


def test_a_value_after_a_change_of_the_component_arrives_as_gradios_own_does() -> None:
    """What was made anew for new choices has another number than the component."""
    for kind in (gr.Blocks, LeanBlocks):
        demo, parts = page(kind)
        state = LeanState(demo) if kind is LeanBlocks else SessionState(demo)
        created = []
        for output in (gr.update(choices=["new"], value="new"), "new", None):
            with ThreadPoolExecutor(1) as pool:
                answer = demo.postprocess_data(demo.fns[0], {parts["list"]: output}, state)
                created.append(pool.submit(asyncio.run, answer).result()[4])
        assert created[1:] == ["new", None] and list(map(tuple, created[0]["choices"])) == [("new", "new")]


def queued(holder: StateHolder) -> Queue:
    """The queue, with an answer for each tab that is ready and was never fetched."""
    queue = holder.blocks._queue
    for name in holder.session_data:
        queue.pending_event_ids_session[name] = {f"done for {name}"}
        queue.pending_messages_per_session[name] = asyncio.Queue()
    return queue


def test_of_too_many_tabs_those_idle_longest_go_with_all_that_the_queue_has_of_them() -> None:
    holder = opened(LeanBlocks)
    holder.capacity = 3
    for number in range(3):
        assert holder[f"tab-{number}"]
    queue = queued(holder)
    assert holder["tab-0"] and holder["new"] and holder["newer"]
    holder.delete_all_expired_state()
    assert list(holder.session_data) == ["tab-0", "new", "newer"]
    assert set(holder.time_last_used) == set(holder.session_data)
    assert set(queue.pending_event_ids_session) == set(queue.pending_messages_per_session) == {"tab-0"}


def test_an_answer_that_is_to_come_is_waited_for() -> None:
    holder = opened(LeanBlocks)
    holder.capacity = 1
    assert holder["busy"]
    queue = queued(holder)
    queue.event_ids_to_events["done for busy"] = None
    assert holder["new"]
    holder.delete_all_expired_state()
    assert set(queue.pending_event_ids_session) == set(queue.pending_messages_per_session) == {"busy"}
    del queue.event_ids_to_events["done for busy"]
    holder.delete_all_expired_state()
    assert not queue.pending_event_ids_session and not queue.pending_messages_per_session


def test_the_state_of_a_tab_that_was_left_goes_and_that_of_one_that_is_open_stays() -> None:
    holder = opened(LeanBlocks)
    for name in ("open", "left", "just left"):
        holder[name].is_closed = name != "open"
    past = datetime.datetime.now() - datetime.timedelta(seconds=KEEP_SECONDS + 1)
    queue = queued(holder)
    holder.time_last_used |= {"open": past, "left": past}
    holder.delete_all_expired_state()
    kept = {"open", "just left"}
    assert set(holder.session_data) == set(holder.time_last_used) == set(queue.pending_event_ids_session) == kept
    assert "left" not in queue.pending_messages_per_session and "open" in queue.pending_messages_per_session


def test_before_the_launch_no_web_application_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[gr.Blocks] = []
    monkeypatch.setattr(App, "create_app", lambda blocks, **_: built.append(blocks))
    with LeanBlocks() as demo:
        gr.Textbox()
    assert demo.queue(max_size=7) is demo and demo._queue.max_size == 7
    assert built == []
    with gr.Blocks():
        pass
    assert len(built) == 2  # by the constructor and at the end of the block: what is replaced is put back
