"""A gr.Blocks that serves many readers on little hardware: it skips work of gradio 6.31 that this page never needs."""

import copy
import datetime
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import gradio as gr
from gradio import processing_utils
from gradio.block_function import BlockFunction
from gradio.blocks import Block, postprocess_update_dict
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import delete_none

from arena.text import without_lone_surrogates
from ui.gradio.faults import log_fault

# Properties that reach the browser as the handler returns them. The component itself may change any other.
_PLAIN = frozenset({"__type__", "value", "visible", "interactive", "label", "info", "placeholder", "active", "open"})
# How long a closed tab's state is kept: its connection may only have been interrupted.
KEEP_SECONDS = 60.0


class LeanBlocks(gr.Blocks):
    """gr.Blocks, but an update does not rebuild components.

    For every update, gradio 6.31 rebuilds each output component and its description, even outputs that the handler
    leaves out. That takes 0.5 to several milliseconds each: most of the time of a vote, of a stream's updates and of
    opening the page. It also keeps all of them, a megabyte for each tab that was ever open.

    gradio also builds the web application in the constructor, at the end of the `with` block and in queue(), 0.1 s
    each, and again in launch(), which alone serves it: the others are left out.
    """

    def __exit__(self, *exception: Any) -> None:
        with _without_app():
            super().__exit__(*exception)

    def queue(self, *values: Any, **named: Any) -> "LeanBlocks":
        """Sets the queue; the constructor calls it as well."""
        with _without_app():
            super().queue(*values, **named)
        return self

    @property
    def state_holder(self) -> StateHolder:
        """The states of all tabs."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:
        # gradio creates a StateHolder when it builds the app.
        holder.__class__ = LeanStates
        self._state_holder = holder

    async def process_api(self, block_fn: BlockFunction | int, inputs: list[Any], *more: Any, **named: Any) -> Any:
        """Calls gradio's own; what fails is one line in the log, where gradio prints a traceback."""
        try:
            return await super().process_api(block_fn, _without_surrogates(inputs), *more, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            name = self.fns[block_fn].api_name if isinstance(block_fn, int) else block_fn.api_name
            log_fault(f"/{name}", error)
            raise gr.Error("请求无效 / Invalid request", print_exception=False) from error

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """Calls gradio's own for the outputs that need it. Plain updates are passed on; other outputs are skipped."""
        if not _names_components(predictions) or not set(predictions) <= set(block_fn.outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        updates = {block: value for block, value in predictions.items() if value != gr.skip()}  # type: ignore[union-attr]
        plain = [block for block, value in updates.items() if _is_plain(block, value)]
        # Each component as this tab has changed it.
        current = {block: state.get(block._id, block) if state else block for block in plain}
        results = {block: await _passed_on(current[block], updates[block], block_fn) for block in plain}
        lean = copy.copy(block_fn)
        lean.outputs = [block for block in block_fn.outputs if block in updates and block not in results]
        if lean.outputs:
            values = [updates[block] for block in lean.outputs] if len(lean.outputs) > 1 else updates[lean.outputs[0]]
            processed = await super().postprocess_data(lean, values, state)
            results |= dict(zip(lean.outputs, processed, strict=True))
        return [results.get(block, gr.skip()) for block in block_fn.outputs]


def _without_app() -> AbstractContextManager[object]:
    return mock.patch.object(App, "create_app", return_value=None)


class LeanStates(StateHolder):
    """The states of open tabs, and for KEEP_SECONDS of closed ones.

    Over capacity it evicts the session that has been idle longest: a script that makes up sessions never closes one.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanState(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Note that a session is in use, and evict what is over capacity."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                self._forget(next(iter(self.session_data)))

    def delete_all_expired_state(self) -> None:
        """Evict closed tabs. gradio calls this every second."""
        before = datetime.datetime.now() - datetime.timedelta(seconds=KEEP_SECONDS)
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
        """Drop unfetched results of sessions without a state, which gradio's queue would keep for ever."""
        queue = self.blocks._queue
        for session_id, events in list(queue.pending_event_ids_session.items()):
            if session_id not in self.session_data and not any(event in queue.event_ids_to_events for event in events):
                queue.pending_event_ids_session.pop(session_id, None)
                queue.pending_messages_per_session.pop(session_id, None)


class LeanState(SessionState):
    """A tab's state without a description of each component, which only gradio's deep links need."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy.copy(blocks.default_config)
        self.config_values: dict[int, dict[str, Any]] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = int(KEEP_SECONDS)

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        # A rebuilt component has another number, under which nobody looks for it.
        if block is not None and block.stateful:
            super().__setitem__(key, value)
        elif block is not None:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


def _without_surrogates(value: Any) -> Any:
    """The value with text that UTF-8 can hold: in a message of gradio's, half a pair would end its stream."""
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value


def _names_components(predictions: object) -> bool:
    return isinstance(predictions, dict) and bool(predictions) and all(isinstance(key, Block) for key in predictions)


def _is_plain(block: Block, update: object) -> bool:
    # The test of gradio's is_prop_update.
    if block.stateful or not isinstance(update, dict) or "update" not in update.get("__type__", ""):
        return False
    # gradio raises TypeError for a property that the component does not have.
    return set(update) <= _PLAIN and all(hasattr(block, name) for name in update if name not in ("value", "__type__"))


async def _passed_on(block: Any, update: dict[str, Any], block_fn: BlockFunction) -> Any:
    """The update as the browser receives it."""
    update = delete_none(dict(update), skip_value=True)
    props = {name: value for name, value in update.items() if name not in ("value", "__type__")}
    value = {"value": update["value"]} if "value" in update else {}
    props |= postprocess_update_dict(block, value, block_fn.postprocess)
    return await processing_utils.async_move_files_to_cache(props, block, postprocess=True)
