"""gr.Blocks that leaves alone what a handler does not change. Knows no component of ours."""

from __future__ import annotations

import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.state_holder import SessionState


class LeanBlocks(gr.Blocks):
    """A page for many readers on little hardware.

    For every output that a handler leaves out, gradio 6.31 makes the component and its description anew, which takes
    from half a millisecond to several: most of the time of a vote, and of every update of a stream.
    """

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """As gradio's, called with the outputs that a handler's answer names; the others get what skips them."""
        if not _names_components(predictions):
            return await super().postprocess_data(block_fn, predictions, state)
        told = {one: value for one, value in predictions.items() if value != gr.skip()}  # type: ignore[union-attr]
        lean = copy.copy(block_fn)
        lean.outputs = [one for one in block_fn.outputs if one in told]
        if len(lean.outputs) < len(told):  # a component that is no output: gradio says so
            return await super().postprocess_data(block_fn, predictions, state)
        if not lean.outputs:
            return [gr.skip() for _ in block_fn.outputs]
        values = [told[one] for one in lean.outputs] if len(lean.outputs) > 1 else told[lean.outputs[0]]
        made = await super().postprocess_data(lean, values, state)
        found = dict(zip(lean.outputs, made, strict=True))
        return [found.get(one, gr.skip()) for one in block_fn.outputs]


def _names_components(predictions: object) -> bool:
    return isinstance(predictions, dict) and bool(predictions) and all(isinstance(key, Block) for key in predictions)
