"""A served page, and a client that speaks to it as a browser does: events join the queue, answers are streamed."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

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
    log_file = data_dir / "server.log"
    with log_file.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process, log_file)
            yield url, process
        finally:
            # Every acknowledged vote is on disk by now.
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it printed nothing"]
    raise InputError("bench_failed", f"The app did not start: {lines[-1]}")


@dataclass(frozen=True)
class Event:
    """One handler: its number, the names of its inputs and outputs, and whether it waits in the queue."""

    number: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    queued: bool


Inputs = Mapping[str, Any]
"""What is typed, by the name of the component; None where nothing is."""
# By the name of a component and the trigger. A name is the elem_id, or the type where there is none; "" is the page.
Events = dict[tuple[str, str], list[Event]]


async def page_events(client: httpx.AsyncClient) -> Events:
    """The handlers of the page at the client's address. Raises httpx.HTTPError."""
    answer = await client.get("/config")
    answer.raise_for_status()
    config = answer.json()
    names = {part["id"]: part["props"].get("elem_id") or part["type"] for part in config["components"]}
    names[_PAGE] = ""
    events: Events = {}
    for handler in config["dependencies"]:
        inputs, outputs = (tuple(names[block] for block in handler[key]) for key in ("inputs", "outputs"))
        event = Event(handler["id"], inputs, outputs, queued=handler["queue"] is not False)
        for component, trigger in handler["targets"]:
            events.setdefault((names.get(component, ""), trigger), []).append(event)
    return events


class PageSession:
    """One browser tab, which makes one call at a time. In a `with` block the page knows that it is open."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.id = uuid.uuid4().hex

    async def __aenter__(self) -> Self:
        self._heartbeat = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._heartbeat.cancel()
        with suppress(asyncio.CancelledError, httpx.HTTPError):
            await self._heartbeat

    async def _stay(self) -> None:
        async with self._client.stream("GET", f"/gradio_api/heartbeat/{self.id}", timeout=None) as stream:
            async for _ in stream.aiter_raw():
                pass

    async def open(self, events: Events, inputs: Inputs) -> dict[str, Any]:
        """Lets the page know this tab, as a browser does first of all; its outputs by name. Raises as `call`."""
        outputs: dict[str, Any] = {}
        for event in events["", "load"]:
            outputs |= await self.call(event, {"tab_id": self.id, **inputs})
        return outputs

    async def call(self, event: Event, inputs: Inputs) -> dict[str, Any]:
        """The outputs of a handler by name. Raises Refused and httpx.HTTPError."""
        if event.queued:
            outputs = [output async for output in self.watch(event, inputs)]
            return dict(zip(event.outputs, outputs[-1]["data"], strict=True))
        answer = await self._client.post("/gradio_api/run/predict", json=self._body(event, inputs))
        result = answer.json()
        if answer.is_error:
            raise Refused(str(result.get("error") or result.get("detail")))
        return dict(zip(event.outputs, result["data"], strict=True))

    async def watch(self, event: Event, inputs: Inputs) -> AsyncIterator[dict[str, Any]]:
        """The output of each message that a queued handler sends. Raises as `call`, also if there is no last one."""
        answer = await self._client.post("/gradio_api/queue/join", json=self._body(event, inputs))
        answer.raise_for_status()
        event_id = answer.json()["event_id"]
        async with self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.id}) as stream:
            async for line in _lines(stream):
                message = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
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

    def _body(self, event: Event, inputs: Inputs) -> dict[str, Any]:
        data = [inputs.get(name) for name in event.inputs]
        return {"fn_index": event.number, "data": data, "session_hash": self.id}


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a body. httpx's own would end one at U+2028 too, which a model may write."""
    rest = b""
    async for block in answer.aiter_bytes():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line
