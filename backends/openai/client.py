"""Sends one request to an OpenAI-compatible server, in a thread that can be stopped.

It uses the library's asynchronous client: a task can be cancelled wherever it waits. Cancelling closes the connection,
which tells the server to stop generating.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from backends.streaming.generation import Events

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
# A server on a CPU may read a long prompt for minutes without sending anything.
CONNECT_SECONDS, SILENCE_SECONDS, LIST_SECONDS = 10.0, 600.0, 15.0
# How long a closed stream waits for its thread; the connection is closed within milliseconds.
CLOSE_SECONDS = 5.0
# The library requires a key; most local servers need none.
NO_KEY = "none"


class RequestEvents(Generic[T]):
    """The events of one request; iterate once. None is a keep-alive. Raises what the library raises."""

    def __init__(self, events: Callable[[], AsyncIterator[T]]) -> None:
        self._open = events
        self._events: Events[T] = Events()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="openai", daemon=True)

    def __iter__(self) -> Generator[T | None]:
        self._thread.start()
        try:
            yield from self._events
        finally:
            self._stop()

    def _stop(self) -> None:
        # The loop runs this callback as soon as it starts, so it does not matter whether the task exists yet.
        if self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._cancel)
            except RuntimeError:  # the loop has just closed
                return
            self._thread.join(CLOSE_SECONDS)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _run(self) -> None:
        try:
            self._task = self._loop.create_task(self._forward())
            self._loop.run_until_complete(self._task)
            self._events.end()
        except BaseException as error:  # noqa: BLE001 (raised again where the events are read)
            self._events.end(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _forward(self) -> None:
        async for event in self._open():
            self._events.put(event)


def call(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of one coroutine, in an event loop of its own."""
    return asyncio.run(work())


def client(base_url: str, key: str, silence: float) -> AsyncOpenAI:
    """The library's client; close it after use. It never retries: the prompt may have been answered already."""
    from openai import AsyncOpenAI, Timeout

    timeout = Timeout(silence, connect=CONNECT_SECONDS)
    return AsyncOpenAI(base_url=base_url, api_key=key or NO_KEY, timeout=timeout, max_retries=0)


async def list_models(base_url: str, key: str) -> list[Mapping[str, Any]]:
    """The server's models."""
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
