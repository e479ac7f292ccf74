"""One request to an OpenAI-compatible server, in a thread that can be stopped. Knows no Backend and no arena.

The library's asynchronous client is used: a task can be cancelled wherever it waits, and cancelling closes the
connection, which is how such servers learn that nobody wants the rest.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from backends.streaming.slots import SIGN_OF_LIFE_SECONDS

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
# A server that does not take a connection in this time is not there; one that is silent for so long has died. On a
# CPU a long prompt is read for minutes without a word.
CONNECT_SECONDS, SILENCE_SECONDS, LIST_SECONDS = 10.0, 600.0, 15.0
# How long a closed stream waits for its thread; the connection is closed within milliseconds.
CLOSE_SECONDS = 5.0
# The library refuses to be made without a key; servers of one's own mostly want none.
NO_KEY = "none"


class Events(Generic[T]):
    """The events of one request; iterate once. None is a sign of life. Raises what the library raises."""

    def __init__(self, events: Callable[[], AsyncIterator[T]]) -> None:
        self._make = events
        self._queue: queue.SimpleQueue[T | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="openai", daemon=True)

    def __iter__(self) -> Generator[T | None]:
        self._thread.start()
        try:
            while True:
                try:
                    event = self._queue.get(timeout=SIGN_OF_LIFE_SECONDS)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    return
                yield event
        finally:
            self._stop()

    def _stop(self) -> None:
        # Whether the task is there yet or not: the loop carries this out as soon as it runs.
        if self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._cancel)
            except RuntimeError:  # it has just ended by itself
                return
            self._thread.join(CLOSE_SECONDS)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _run(self) -> None:
        try:
            self._task = self._loop.create_task(self._pass_on())
            self._loop.run_until_complete(self._task)
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 (raised again where the events are read)
            self._queue.put(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _pass_on(self) -> None:
        async for event in self._make():
            self._queue.put(event)


def call(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What one coroutine comes to, in a loop of its own."""
    return asyncio.run(work())


def client(base_url: str, key: str, silence: float) -> AsyncOpenAI:
    """The library's client; to be closed after use. It tries nothing twice: a prompt may have been answered already."""
    from openai import AsyncOpenAI, Timeout

    timeout = Timeout(silence, connect=CONNECT_SECONDS)
    return AsyncOpenAI(base_url=base_url, api_key=key or NO_KEY, timeout=timeout, max_retries=0)


async def list_models(base_url: str, key: str) -> list[Mapping[str, Any]]:
    """What the server says it has."""
    async with client(base_url, key, LIST_SECONDS) as server:
        page = await server.models.list()
        return [model.model_dump() for model in page.data]


async def stream_chat(base_url: str, key: str, request: Mapping[str, Any]) -> AsyncIterator[Any]:
    """The chunks of one chat completion, as the library's objects."""
    async with client(base_url, key, SILENCE_SECONDS) as server:
        stream = await server.chat.completions.create(**request, stream=True, stream_options={"include_usage": True})
        async with stream:
            async for chunk in stream:
                yield chunk
