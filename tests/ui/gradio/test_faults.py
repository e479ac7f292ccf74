"""Requests that no page sends: each is refused, with one line in the log at most and no traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from served_app import ServedApp

from ui.gradio import faults

QUICK = {"answers": [{"steps": [{"text": "Yes"}]}]}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    return serve(QUICK, QUICK)


@pytest.fixture
def client(app: ServedApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.url, trust_env=False, timeout=30, headers=JSON) as opened:
        yield opened


@pytest.mark.parametrize(
    "path", ["gradio_api/queue/data?session_hash=nobody", "gradio_api/call/battle/nobody", "gradio_api/call/none/x"]
)
def test_an_unknown_session_or_event_ends_in_one_line(
    client: httpx.Client, capfd: Any, caplog: pytest.LogCaptureFixture, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults._log, "filters", [])
    sent = client.get(path)
    assert sent.status_code < 500 and "404" in sent.text
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(lines) <= 1 and all("\n" not in line and len(line) < 400 for line in lines)
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", ["battle", "vote", "chat", "results", "export"])
def test_half_a_surrogate_pair_ends_no_stream(client: httpx.Client, name: str, capfd: Any) -> None:
    sent = client.post(f"gradio_api/call/{name}", content=json.dumps({"data": ["\ud800"] * 4}))
    assert sent.status_code == httpx.codes.OK
    answer = client.get(f"gradio_api/call/{name}/{sent.json()['event_id']}")  # raises if the stream breaks off
    assert answer.text.startswith("event: ") and "Traceback" not in "".join(capfd.readouterr())


def test_faults_are_so_many_lines_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults._log, "filters", [faults._Rate()])
    for number in range(100):
        try:
            raise ValueError(f"\n\x1b\ud800 {number}" * 1000)
        except ValueError as error:
            faults.log_fault("GET /", error)
    assert len(caplog.records) == faults.MOST
    assert "more of them are left out" in caplog.records[-1].getMessage()
    assert all(len(record.getMessage()) < 400 and record.getMessage().isprintable() for record in caplog.records)
    monkeypatch.setattr(faults._log.filters[0], "_times", type(faults._log.filters[0]._times)([0.0] * 20, 20))
    faults._log.error("later")
    assert caplog.records[-1].getMessage() == "later"
