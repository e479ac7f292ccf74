"""Five thousand votes of a class through the page, whose server is killed again and again at random times."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from vote_samples import read_votes

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.ballots import Ballots
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.votes.store import VoteStore
from bench.load.crowd import BROWSER
from bench.load.page_client import PageSession, Refused, page_events, served_app
from bench.load.vote_log import sample_answers

pytestmark = [pytest.mark.extra, pytest.mark.timeout(3600)]

VOTES, RATERS, PROMPTS, KILLS = 5000, 60, 80, 20
CHOICES = {"model_a": "model_a", "model_b": "model_b", "tie": "tie", "bad": "tie (bothbad)"}


@dataclass
class Class:
    """A room's raters, and what they saw: the winner of each acknowledged vote by battle, and faults."""

    code: str
    url: str = ""
    acknowledged: dict[str, str] = field(default_factory=dict)
    asked_again: list[str] = field(default_factory=list)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_done(self) -> bool:
        return len(self.acknowledged) >= VOTES

    async def rate(self) -> None:
        """One person, who opens the page again whenever it fails."""
        browser = {"rater": uuid.uuid4().hex, "lang": "en"}
        while not self.is_done:
            await self.up.wait()
            try:
                async with httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False, verify=self.tls) as client:
                    if await self._rate(client, browser):
                        return
            except (Refused, httpx.HTTPError, json.JSONDecodeError):
                await asyncio.sleep(random.uniform(0.5, 1.5))

    async def _rate(self, client: httpx.AsyncClient, browser: dict[str, str]) -> bool:
        """Votes until nothing is left for this rater. Raises what a failing page raises."""
        events, session = await page_events(client), PageSession(client)
        inputs: dict[str, Any] = {BROWSER: browser, "room_code": self.code}
        await session.open(events, {BROWSER: browser})
        outputs = await session.call(events["join_room", "click"][0], inputs)
        while battle := str(outputs["battle_id"]):
            if self.is_done:
                return True
            if battle in self.acknowledged:
                self.asked_again.append(battle)
            choice = random.choice(list(CHOICES))
            shown = await session.call(events[f"vote_{choice}", "click"][0], {BROWSER: browser})
            if 'class="receipt"' in json.dumps(shown).replace("\\", ""):
                self.acknowledged.setdefault(battle, CHOICES[choice])
            else:  # too many votes within a minute
                await asyncio.sleep(1)
            outputs = await session.call(events["new", "click"][0], {BROWSER: browser})
        return True


async def vote_and_kill(room: Class, answers: Path, data_dir: Path) -> int:
    """Lets all vote while the server is killed; returns how often it was."""
    kills, raters = 0, [asyncio.create_task(room.rate()) for _ in range(RATERS)]
    while not all(rater.done() for rater in raters):
        starting = served_app(["--answers", str(answers)], data_dir)
        room.url, process = await asyncio.to_thread(starting.__enter__)
        room.up.set()
        # At a random moment about the next of the places that divide the votes evenly.
        space = VOTES // (KILLS + 1)
        due = (kills + 1) * space + random.randint(-space // 4, space // 4) if kills < KILLS else VOTES
        while len(room.acknowledged) < due and not all(rater.done() for rater in raters):
            await asyncio.sleep(random.uniform(0, 0.1))
        room.up.clear()
        kills += process.poll() is None
        starting.__exit__(None, None, None)  # by SIGKILL
    await asyncio.gather(*raters)
    return kills


def test_votes_under_kills_are_neither_lost_nor_doubled_nor_torn(tmp_path: Path) -> None:
    answers, data_dir = tmp_path / "answers.jsonl", tmp_path / "data"
    answers.write_text("\n".join(sample_answers(PROMPTS)), encoding="utf-8")
    with EventLog(data_dir) as events:
        closed = InputError("bench_failed", "The app has not started yet, so nobody can vote.")
        rooms = Rooms(load_pairs(answers, ()), Ballots(closed), events)
        room = Class(rooms.open(rooms.prompts, RATERS).code)
    kills = asyncio.run(vote_and_kill(room, answers, data_dir))
    with served_app(["--answers", str(answers)], data_dir):  # repairs what the last kill tore
        pass
    report, votes = VoteStore(data_dir).refresh().report, list(read_votes(data_dir))
    counted = {vote.battle.id: str(vote.winner) for vote in votes}
    faults = {
        "lost": len(room.acknowledged.keys() - counted.keys()),
        "doubled": len(votes) - len(counted) + report.duplicates,
        "torn": report.unfinished + len(report.unreadable) + len(report.damaged),
        "another one counts": sum(counted.get(battle) != winner for battle, winner in room.acknowledged.items()),
        "asked again": len(room.asked_again),
    }
    print(f"{len(room.acknowledged)} acknowledged, {len(votes)} counted, {kills} kills: {faults}")
    assert Counter(faults) == Counter()
    assert len(room.acknowledged) >= VOTES and kills >= KILLS
    # A vote may count whose receipt did not arrive: one for each rater and kill.
    assert len(votes) - len(room.acknowledged) <= RATERS * kills
    assert (data_dir / "votes.csv").read_bytes().count(b"\r\n") >= len(votes)
