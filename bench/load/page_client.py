"""A served page, and a client that speaks to it as a browser does: events join the queue, answers are streamed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from arena.errors import InputError

APP = Path(__file__).parents[2] / "app.py"
_START_SECONDS = 120.0
_PAGE = 0  # gradio's id of the page itself


class Refused(Exception):
    """The page answered an event with an error; the text is what a person would read."""


@contextmanager
def served_app(options: Sequence[str], data_dir: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The app in a process of its own on loopback: its address and the process. Raises InputError if it fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(APP), *options, "--data-dir", str(data_dir), "--port", str(port)]
    with (data_dir / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise InputError("bench_failed", "The app did not start; see server.log in its data folder.")


@dataclass(frozen=True)
class Event:
    """One handler: its number, the positions of its outputs by elem_id, and whether it waits in the queue."""

    number: int
    outputs: Mapping[str, int]
    queued: bool = True


class PageConfig:
    """The page's description of its components and handlers."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._ids = {component["props"].get("elem_id"): component["id"] for component in config["components"]}
        self._names = {number: name for name, number in self._ids.items() if name}
        self._dependencies: list[dict[str, Any]] = config["dependencies"]

    def event(self, elem_id: str, trigger: str = "click") -> Event:
        """The handler of a component's trigger. Raises KeyError if there is none."""
        events = self._events(self._ids[elem_id], trigger)
        if not events:
            raise KeyError(f"{elem_id}.{trigger}")
        return events[0]

    def on_load(self) -> list[Event]:
        """The handlers that a browser calls when it opens the page."""
        return self._events(_PAGE, "load")

    def _events(self, component: int, trigger: str) -> list[Event]:
        return [
            Event(
                dependency["id"],
                {self._names.get(output, ""): position for position, output in enumerate(dependency["outputs"])},
                dependency["queue"] is not False,
            )
            for dependency in self._dependencies
            if [component, trigger] in [list(target) for target in dependency["targets"]]
        ]


async def page_config(client: httpx.AsyncClient) -> PageConfig:
    """The configuration of the page at the client's address. Raises httpx.HTTPError."""
    answer = await client.get("/config")
    answer.raise_for_status()
    return PageConfig(answer.json())


class PageSession:
    """One browser tab, which makes one call at a time."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._hash = uuid.uuid4().hex

    async def call(self, event: Event, data: Sequence[Any]) -> list[Any]:
        """The outputs of a handler for these inputs. Raises Refused and httpx.HTTPError."""
        if event.queued:
            outputs = [output async for output in self.watch(event, data)]
            return list(outputs[-1]["data"])
        answer = await self._client.post("/gradio_api/run/predict", json=self._body(event, data))
        result = answer.json()
        if answer.is_error:
            raise Refused(str(result.get("error") or result.get("detail")))
        return list(result["data"])

    async def watch(self, event: Event, data: Sequence[Any]) -> AsyncIterator[dict[str, Any]]:
        """The output of each message that a queued handler sends. Raises as `call`, also if there is no last one."""
        answer = await self._client.post("/gradio_api/queue/join", json=self._body(event, data))
        answer.raise_for_status()
        event_id = answer.json()["event_id"]
        async with self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self._hash}) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("event_id") != event_id:
                    continue
                output = message.get("output") or {}
                is_last = message["msg"] == "process_completed"
                if is_last and not message.get("success"):
                    raise Refused(str(output.get("error")))
                yield output
                if is_last:
                    return
        raise Refused("the stream ended without an answer")

    async def stay(self) -> None:
        """Holds the connection by which a page knows that a tab is open, until cancelled or closed."""
        async with self._client.stream("GET", f"/gradio_api/heartbeat/{self._hash}", timeout=None) as stream:
            async for _ in stream.aiter_raw():
                pass

    def _body(self, event: Event, data: Sequence[Any]) -> dict[str, Any]:
        return {"fn_index": event.number, "data": list(data), "session_hash": self._hash}
