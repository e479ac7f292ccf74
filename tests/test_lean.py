"""The lean page answers as gradio's own does, and makes nothing anew that a handler leaves alone."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from ui.lean import LeanBlocks

NAMES = ("text", "more", "pane", "button")


def page(kind: type[gr.Blocks]) -> tuple[gr.Blocks, dict[str, Any]]:
    """Four components, and a handler with all of them as outputs."""
    with kind() as demo:
        parts = {"text": gr.Textbox(), "more": gr.Markdown(), "pane": gr.Chatbot(), "button": gr.Button("x")}
        parts["button"].click(lambda: {}, None, list(parts.values()))
        parts["other"] = gr.Textbox()
    return demo, parts


def answer(kind: type[gr.Blocks], told: Any) -> tuple[list[Any], list[str]]:
    """What the browser gets when the handler returns `told` (by name), and the kinds of components made anew."""
    demo, parts = page(kind)
    state, anew = SessionState(demo), []
    state._update_config = lambda key: anew.append(type(demo.blocks[key]).__name__)  # type: ignore[method-assign]
    told = copy.deepcopy(told)  # gradio takes updates apart
    predictions = {parts[name]: value for name, value in told.items()} if isinstance(told, dict) else told
    with ThreadPoolExecutor(1) as pool:  # where the tests' own thread may have a loop already
        made = pool.submit(asyncio.run, demo.postprocess_data(demo.fns[0], predictions, state)).result()
    return made, anew


TALK = [{"role": "assistant", "content": "hi"}]


@pytest.mark.parametrize(
    ("told", "anew"),
    [
        ({"text": "a"}, []),
        ({"more": "a", "pane": TALK}, []),
        ({"button": gr.update(interactive=False), "text": "a"}, ["Button"]),
        ({"pane": gr.update(value=TALK), "text": gr.skip()}, ["Chatbot"]),
        ({"text": gr.skip()}, []),
        ({"text": None}, []),
        (["a", "b", TALK, gr.update(value="y")], ["Button"]),
    ],
)
def test_only_what_a_handler_tells_is_made_anew_and_the_answer_is_the_same(told: Any, anew: list[str]) -> None:
    made, made_anew = answer(LeanBlocks, told)
    assert made_anew == anew
    assert repr(made) == repr(answer(gr.Blocks, told)[0]) and len(made) == len(NAMES)


def test_without_it_gradio_makes_everything_anew() -> None:
    """Should a later gradio not do so, ui/lean.py can go."""
    assert sorted(answer(gr.Blocks, {"text": "a"})[1]) == ["Button", "Chatbot", "Markdown"]


def test_a_component_that_is_no_output_is_refused_as_ever() -> None:
    for kind in (LeanBlocks, gr.Blocks):
        with pytest.raises(ValueError, match="not specified as output"):
            answer(kind, {"other": "a"})
