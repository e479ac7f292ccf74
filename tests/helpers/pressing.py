"""Presses the buttons of a part of a page as gradio does, without a browser."""

from __future__ import annotations

from typing import Any

import gradio as gr


def press(blocks: gr.Blocks, part: Any, name: str, request: Any, event: str = "click", **typed: Any) -> Any:
    """What the handler of a part's component sends; `typed` are the values of other components, by their names."""
    component = getattr(part, name)
    function = next(entry for entry in blocks.fns.values() if (component._id, event) in entry.targets)
    values = {getattr(part, key): value for key, value in typed.items()}
    assert values.keys() <= set(function.inputs)
    return function.fn(request, {block: values.get(block) for block in function.inputs})
