"""Speaks with a served page as a browser does: events go into the queue, answers come as a stream. Knows no handler."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

_PAGE = 0  # what gradio calls the page itself


class Refused(Exception):
    """The page answered an event with an error; the text is what a person would read."""


@dataclass(frozen=True)
class Event:
    """One handler: its number, the places of its outputs by elem_id, and whether it waits in the queue."""

    number: int
    outputs: Mapping[str, int]
    queued: bool = True


class PageConfig:
    """What a page says of its components and handlers."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._ids = {one["props"].get("elem_id"): one["id"] for one in config["components"]}
        self._names = {number: name for name, number in self._ids.items() if name}
        self._dependencies: list[dict[str, Any]] = config["dependencies"]

    def event(self, elem_id: str, trigger: str = "click") -> Event:
        """The handler of a component's trigger. Raises KeyError if there is none."""
        found = self._events(self._ids[elem_id], trigger)
        if not found:
            raise KeyError(f"{elem_id}.{trigger}")
        return found[0]

    def on_load(self) -> list[Event]:
        """What a browser asks for as it opens the page."""
        return self._events(_PAGE, "load")

    def _events(self, number: int, trigger: str) -> list[Event]:
        return [
            Event(
                one["id"],
                {self._names.get(number, ""): place for place, number in enumerate(one["outputs"])},
                one["queue"] is not False,
            )
            for one in self._dependencies
            if [number, trigger] in [list(target) for target in one["targets"]]
        ]


class PageSession:
    """One browser tab. Not safe for several calls at once: a tab of a person has one at a time."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._hash = uuid.uuid4().hex

    async def call(self, event: Event, data: Sequence[Any]) -> list[Any]:
        """The outputs of a handler for these inputs. Raises Refused, and httpx.HTTPError."""
        body = {"fn_index": event.number, "data": list(data), "session_hash": self._hash}
        if not event.queued:
            return await self._run(body)
        async for message in self._messages(body):
            if message["msg"] == "process_completed":
                return _outputs(message)
        raise Refused("the stream ended without an answer")

    async def watch(self, event: Event, data: Sequence[Any]) -> AsyncIterator[str]:
        """What a handler sends while it works, as the JSON of each message's output. Raises as `call`."""
        body = {"fn_index": event.number, "data": list(data), "session_hash": self._hash}
        async for message in self._messages(body):
            if message["msg"] == "process_completed":
                _outputs(message)
            yield json.dumps(message.get("output"), ensure_ascii=False)

    async def _messages(self, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        answer = await self._client.post("/gradio_api/queue/join", json=body)
        answer.raise_for_status()
        wanted = answer.json()["event_id"]
        async with self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self._hash}) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("event_id") == wanted:
                    yield message
                    if message["msg"] == "process_completed":
                        return

    async def stay(self) -> None:
        """Hold the connection by which a page knows that a tab is still there, until cancelled or cut."""
        async with self._client.stream("GET", f"/gradio_api/heartbeat/{self._hash}", timeout=None) as stream:
            async for _ in stream.aiter_raw():
                pass

    async def _run(self, body: Mapping[str, Any]) -> list[Any]:
        answer = await self._client.post("/gradio_api/run/predict", json=body)
        found = answer.json()
        if answer.is_error:
            raise Refused(str(found.get("error") or found.get("detail")))
        return list(found["data"])


async def page_config(client: httpx.AsyncClient) -> PageConfig:
    """What the page says of itself."""
    answer = await client.get("/config")
    answer.raise_for_status()
    return PageConfig(answer.json())


def _outputs(message: Mapping[str, Any]) -> list[Any]:
    if not message.get("success"):
        raise Refused(str(message.get("output", {}).get("error")))
    return list(message["output"]["data"])
