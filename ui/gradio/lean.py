"""gr.Blocks for many readers on little hardware: it makes nothing that nobody needs. Knows no component of ours."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.block_function import BlockFunction
from gradio.blocks import Block, postprocess_update_dict
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import delete_none

# What the browser is told just as the handler tells it. Any other property may be changed by the component itself.
_PLAIN = frozenset({"__type__", "value", "visible", "interactive", "label", "info", "placeholder", "active", "open"})
# How long the state of a tab that was left is kept: its connection may only have been cut for a moment.
KEPT_SECONDS = 60.0


class LeanBlocks(gr.Blocks):
    """As gr.Blocks of gradio 6.31, which for every update makes the component and its description anew, also of
    outputs that a handler leaves out: half a millisecond to several for each, most of the time of a vote, of every
    update of a stream, and of opening the page. And it keeps all of them, a megabyte for each tab that was ever open.
    """

    @property
    def state_holder(self) -> StateHolder:
        """Where the tabs' states are."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:
        # gradio makes its own as it builds the app.
        holder.__class__ = LeanStates
        self._state_holder = holder

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """As gradio's, called with the outputs that a handler's answer names and that need it; plain updates are
        passed on, and the outputs that are not named get what skips them."""
        if not _names_components(predictions) or not set(predictions) <= set(block_fn.outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        told = {one: value for one, value in predictions.items() if value != gr.skip()}  # type: ignore[union-attr]
        plain = [one for one, value in told.items() if _is_plain(one, value)]
        found = {one: await _passed_on(_now(one, state), told[one], block_fn) for one in plain}
        lean = copy.copy(block_fn)
        lean.outputs = [one for one in block_fn.outputs if one in told and one not in found]
        if lean.outputs:
            values = [told[one] for one in lean.outputs] if len(lean.outputs) > 1 else told[lean.outputs[0]]
            made = await super().postprocess_data(lean, values, state)
            found |= dict(zip(lean.outputs, made, strict=True))
        return [found.get(one, gr.skip()) for one in block_fn.outputs]


class LeanStates(StateHolder):
    """The states of the tabs that are open, and for a while of those that were left; of too many, who was idle longest
    goes: a script that makes up sessions opens and leaves none."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanState(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Called whenever a tab's state is used."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                self._forget(next(iter(self.session_data)))

    def delete_all_expired_state(self) -> None:
        """Called every second."""
        before = datetime.datetime.now() - datetime.timedelta(seconds=KEPT_SECONDS)
        with self.lock:
            for session_id, state in list(self.session_data.items()):
                if state.is_closed and self.time_last_used[session_id] < before:
                    self._forget(session_id)
            self._clear_queue()

    def _forget(self, session_id: str) -> None:
        self.delete_state(session_id)
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)

    def _clear_queue(self) -> None:
        """Without what gradio's queue keeps, for good, of tabs that have no state: answers that were never fetched. Who
        waits for one still stays."""
        queue = self.blocks._queue
        for session_id, events in list(queue.pending_event_ids_session.items()):
            if session_id not in self.session_data and not any(one in queue.event_ids_to_events for one in events):
                queue.pending_event_ids_session.pop(session_id, None)
                queue.pending_messages_per_session.pop(session_id, None)


class LeanState(SessionState):
    """A tab's state without the description of each component, which is only for links that reopen a session."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy.copy(blocks.default_config)
        self.config_values: dict[int, dict[str, Any]] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = int(KEPT_SECONDS)

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        # A component that was made anew has another number, under which nobody looks for it.
        if block is not None and block.stateful:
            super().__setitem__(key, value)
        elif block is not None:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


def _names_components(predictions: object) -> bool:
    return isinstance(predictions, dict) and bool(predictions) and all(isinstance(key, Block) for key in predictions)


def _is_plain(block: Block, update: object) -> bool:
    # As gradio's own is_prop_update tells an update from a value.
    if block.stateful or not isinstance(update, dict) or "update" not in update.get("__type__", ""):
        return False
    # What the component does not know is a mistake that gradio tells of.
    return set(update) <= _PLAIN and all(hasattr(block, name) for name in update if name not in ("value", "__type__"))


def _now(block: Block, state: SessionState | None) -> Any:
    """The component with what the tab has changed of it."""
    return state.get(block._id, block) if state else block


async def _passed_on(block: Any, update: dict[str, Any], block_fn: BlockFunction) -> Any:
    """The update as the browser gets it."""
    update = delete_none(dict(update), skip_value=True)
    told = {name: value for name, value in update.items() if name not in ("value", "__type__")}
    value = {"value": update["value"]} if "value" in update else {}
    made = {**told, **postprocess_update_dict(block, value, block_fn.postprocess)}
    return await processing_utils.async_move_files_to_cache(made, block, postprocess=True)
