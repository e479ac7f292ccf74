"""What puts the app under load, on a small scale: it counts right, and finds what it looks for."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from served_app import ServedApp
from typer.testing import CliRunner
from vote_samples import read_votes

from app import cli
from arena.types import SideName, Winner
from bench.load.crowd import Crowd, measure_crowd
from bench.load.page_client import Events, PageSession, page_events, served_app
from bench.load.vote_log import MODELS, measure_results, measure_start, measure_writing, sample_vote

DECISIVE = (Winner.MODEL_A, Winner.MODEL_B)
# What the English page shows to a person who waits.
QUEUED = re.compile(r"Queued, (\d+) ahead(?:, about (\d+) s)?")


def quiet(words: str) -> None:
    pass


def test_votes_that_are_counted_are_on_disk(tmp_path: Path) -> None:
    results = measure_writing(tmp_path, threads=4, seconds=0.3, progress=quiet)
    assert results["count"] == sum(1 for _ in read_votes(tmp_path)) > 4
    assert (
        results["per_second"] > 0
        and 0 < results["median_ms"] <= results["p95_ms"]
        and 2_000 < results["row_bytes"] < 3_200
    )


def test_a_start_on_many_votes_finds_them_all(tmp_path: Path) -> None:
    output: list[str] = []
    results = measure_start(tmp_path, 100, output.append)
    assert (results["rows"], results["events"], sum(1 for _ in read_votes(tmp_path))) == (100, 200, 100)
    assert (
        results["log_bytes"] == (tmp_path / "votes.csv").stat().st_size and results["peak_bytes"] > results["log_bytes"]
    )
    assert any("votes.csv: 100 of 100 lines written" in words for words in output)


def test_results_are_timed_on_votes_that_are_all_found(tmp_path: Path) -> None:
    assert measure_start(tmp_path, 300, quiet)["log_bytes"] / 300 > 2_000
    output: list[str] = []
    results = measure_results(tmp_path, 300, output.append)
    assert sum(1 for _ in read_votes(tmp_path)) == 309 and output == ["Reading the votes ..."]
    assert 0 < results["next_median"] <= results["next_most"] and results["first_seconds"] > 0


def test_sample_votes_are_of_raters_sides_and_outcomes() -> None:
    votes = [sample_vote(number) for number in range(800)]
    wins = [vote.battle.side(SideName(vote.winner[-1])).model.id for vote in votes if vote.winner in DECISIVE]
    assert len({vote.judge for vote in votes}) == 100
    assert 0.5 < wins.count(MODELS[0]) / len(wins) < 0.62
    assert 0.3 < sum(vote.battle.a.model.id == MODELS[0] for vote in votes) / 800 < 0.7


def test_a_class_votes_through_the_page_and_nothing_is_lost(tmp_path: Path) -> None:
    # Playwright's own loop runs in this thread, once a browser test has begun.
    with ThreadPoolExecutor(1) as pool:
        crowd = Crowd(readers=0, raters=4, seconds=4, rater_pause=0.5)
        results = pool.submit(measure_crowd, tmp_path, crowd, quiet).result()
    votes = list(read_votes(tmp_path / "data"))
    assert (results["lost"], results["doubled"], results["errors"]) == (0, 0, {})
    battle, vote = results["actions"]["take a battle"], results["actions"]["vote"]
    assert results["votes"] == vote["count"] == len(votes) >= 12
    assert len({vote.judge for vote in votes}) == 4 and len({vote.room for vote in votes}) == 1
    assert battle["count"] == vote["count"] + 4 and 0 < vote["median_ms"] <= vote["p95_ms"]


def test_a_crowd_reads_and_votes_and_what_the_server_holds_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.load.crowd.READER_PAUSE", 1.0)
    with ThreadPoolExecutor(1) as pool:
        crowd = Crowd(readers=3, raters=3, seconds=6, rater_pause=1.0)
        results = pool.submit(measure_crowd, tmp_path, crowd, quiet).result()
    assert (results["lost"], results["errors"]) == (0, {}) and results["votes"] == len(
        list(read_votes(tmp_path / "data"))
    ) >= 1
    assert results["actions"]["open the page"]["count"] >= 1 and results["actions"]["vote"]["p95_ms"] > 0
    assert (
        results["early"]
        and results["late"]
        and results["late"]["resident_bytes"] > 50e6
        and results["late"]["threads"] > 1
    )


async def chat_at_once(url: str, chats: int) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits, trust_env=False) as client:
        events = await page_events(client)
        # Loads the models, and lets the page measure how long an answer takes.
        await ask(client, events)
        began = time.monotonic()
        seen = await asyncio.gather(*(ask(client, events) for _ in range(chats)), return_exceptions=True)
        seconds = time.monotonic() - began
    answered = [places for places in seen if not isinstance(places, BaseException)]
    return {
        "chats": chats,
        "seconds": seconds,
        "answered": len(answered),
        "queued": sum(map(bool, answered)),
        "saw_time": sum(any(place[2] for place in places) for places in answered),
        "most_ahead": max((int(place[1]) for places in answered for place in places), default=0),
        "errors": dict(Counter(repr(error) for error in seen if isinstance(error, BaseException))),
    }


async def ask(client: httpx.AsyncClient, events: Events) -> list[re.Match[str]]:
    """The places in the queue that one person saw, in the mode that names the models."""
    session = PageSession(client)
    await session.open(events, {})
    await session.call(events["mode", "input"][0], {"mode": "named"})
    inputs = {"prompt": "Write a long story about the sea.", "set_max_new_tokens": "64"}
    outputs = [json.dumps(output) async for output in session.watch(events["send", "click"][0], inputs)]
    return list(filter(None, map(QUEUED.search, outputs)))


def test_chats_at_once_are_all_answered_and_told_their_place_and_time(tmp_path: Path) -> None:
    names = []
    for side in "ab":
        path = tmp_path / f"{side}.json"
        steps = [{"text": "word ", "delay": 0.02, "times": 30}]
        path.write_text(json.dumps({"id": side, "slots": 1, "answers": [{"steps": steps}]}), encoding="utf-8")
        names.append(f"scripted:{path}")
    options = [f"--{side}={name}" for side, name in zip("ab", names, strict=True)]
    with ThreadPoolExecutor(1) as pool, served_app(options, tmp_path / "data") as (url, _):
        results = pool.submit(asyncio.run, chat_at_once(url, 4)).result()
    assert (results["answered"], results["errors"]) == (4, {}) and results["seconds"] > 4 * 0.5
    # All four, where the first one on the one side is not the first on the other.
    assert 3 <= results["saw_time"] <= results["queued"] <= 4 and 2 <= results["most_ahead"] <= 3


def test_an_answer_with_line_ends_of_unicode_is_one_message(serve: Callable[..., ServedApp]) -> None:
    script = {"answers": [{"steps": [{"text": "a\u2028b\u2029c\x85d\x1de"}]}]}
    app = serve(script, script)

    async def ask() -> str:
        async with httpx.AsyncClient(base_url=app.url, timeout=60, trust_env=False) as client:
            events = await page_events(client)
            session = PageSession(client)
            await session.open(events, {})
            outputs = session.watch(events["send", "click"][0], {"prompt": "Why?"})
            return json.dumps([output async for output in outputs], ensure_ascii=False)

    with ThreadPoolExecutor(1) as pool:
        assert "b\\u2029" in json.dumps(pool.submit(asyncio.run, ask()).result())


def test_the_log_is_measured_by_a_command() -> None:
    result = CliRunner().invoke(cli, ["bench", "votes", "--threads", "2", "--seconds", "0.2", "--rows", "50", "--json"])
    report = json.loads(result.stdout)
    assert [item["threads"] for item in report["writing"]] == [1, 2] and report["starting"]["rows"] == 50
    assert report["results"]["next_most"] > 0
