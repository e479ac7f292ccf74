"""Many raters of one room at once, over HTTP: each takes a battle and votes, as a browser would.

Knows nothing of how the app is made; what it stored is read from its folder afterwards.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.ballots import Ballots, ClosedLog
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.votes.store import read_votes
from bench.load.page_client import Event, PageConfig, PageSession, Refused, page_config
from bench.load.samples import sample_answers
from bench.load.served import served

Progress = Callable[[str], None]
# Shares of the time between two votes that a rater's pause varies by.
_SPREAD = 0.5


@dataclass(frozen=True)
class Times:
    """Milliseconds from asking until the answer was there."""

    count: int
    median_ms: float
    p95_ms: float
    most_ms: float


@dataclass(frozen=True)
class ClassLoad:
    """What a class came to: votes and next battles; errors by their text; votes acknowledged and what the log has."""

    raters: int
    seconds: float
    votes_per_second: float
    vote: Times
    battle: Times
    errors: Mapping[str, int]
    acknowledged: int
    lost: int
    doubled: int
    server_bytes: int | None


class Class:
    """The raters of a room, with what they have measured in milliseconds; `pause` seconds between two votes."""

    def __init__(self, config: PageConfig, code: str, pause: float, end: float) -> None:
        self._join = config.event("judge_join")
        self._vote = config.event("judge_submit")
        self._next = config.event("judge_next")
        self._code = code
        self._pause = pause
        self._end = end
        self.votes: list[float] = []
        self.battles: list[float] = []
        self.errors: Counter[str] = Counter()
        self.acknowledged: list[str] = []

    async def rater(self, client: httpx.AsyncClient) -> None:
        """One person from their first battle until there is none, or the time is up."""
        session, kept = PageSession(client), {"rater": uuid.uuid4().hex, "lang": "en"}
        due = time.monotonic() + random.uniform(0, self._pause)
        await asyncio.sleep(due - time.monotonic())
        battle = await self._battle(session, self._join, [kept, self._code])
        while battle:
            # By the clock, so that a slow answer does not make for fewer votes.
            due += self._pause * random.uniform(1 - _SPREAD, 1 + _SPREAD)
            if due > self._end:
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            said = [kept, random.choice(("model_a", "model_b", "tie")), "a", None, None, "yes", ""]
            if await self._timed(session, self._vote, said, self.votes):
                self.acknowledged.append(battle)
            battle = await self._battle(session, self._next, [kept])

    async def _battle(self, session: PageSession, event: Event, data: Sequence[object]) -> str:
        """The id of the battle that is put before the rater; empty if there is none."""
        outputs = await self._timed(session, event, data, self.battles)
        return str(outputs[event.outputs["judge_battle"]]) if outputs else ""

    async def _timed(
        self, session: PageSession, event: Event, data: Sequence[object], into: list[float]
    ) -> list[object]:
        began = time.monotonic()
        try:
            outputs = await session.call(event, data)
        except (Refused, httpx.HTTPError) as error:
            self.errors[f"{type(error).__name__}: {error}"] += 1
            return []
        into.append(1000 * (time.monotonic() - began))
        return outputs


def measure_class(folder: Path, raters: int, rate: float, seconds: float, progress: Progress) -> ClassLoad:
    """So many raters in one room at `rate` votes a second together. Raises InputError if the app does not start."""
    answers, data_dir = folder / "answers.jsonl", folder / "data"
    # Enough battles for everybody until the end.
    prompts = int(rate * seconds / raters * 2) + 4
    answers.write_text("\n".join(sample_answers(prompts)), encoding="utf-8")
    code = open_room(answers, data_dir, raters)
    with served(answers, data_dir) as (url, process):
        progress(f"{raters} raters vote for {seconds:g} s ...")
        made, spent = asyncio.run(_run(url, code, raters, raters / rate, seconds, progress))
        memory = _resident_bytes(process.pid)
    stored = Counter(vote.battle.id for vote in read_votes(data_dir))
    if not made.votes:
        raise InputError("bench_failed", f"No vote came through: {made.errors.most_common(1)}")
    return ClassLoad(
        raters,
        spent,
        len(made.votes) / spent,
        times(made.votes),
        times(made.battles),
        dict(made.errors),
        len(made.acknowledged),
        lost=len(set(made.acknowledged) - set(stored)),
        doubled=sum(number - 1 for number in stored.values()),
        server_bytes=memory,
    )


def open_room(answers: Path, data_dir: Path, raters: int) -> str:
    """A room in the folder before the app is started, as if a teacher had opened it."""
    with EventLog(data_dir) as events:
        closed = ClosedLog(InputError("bench_failed", "Nobody votes before the app is there."))
        rooms = Rooms(load_pairs(answers, ()), Ballots(closed), events)
        return rooms.open(rooms.prompts, raters).code


async def _run(
    url: str, code: str, raters: int, pause: float, seconds: float, progress: Progress
) -> tuple[Class, float]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=raters)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False) as client:
        began = time.monotonic()
        made = Class(await page_config(client), code, pause, began + seconds)
        telling = asyncio.create_task(_tell(made, began, seconds, progress))
        try:
            await asyncio.gather(*(made.rater(client) for _ in range(raters)))
        finally:
            telling.cancel()
        return made, time.monotonic() - began


async def _tell(made: Class, began: float, seconds: float, progress: Progress) -> None:
    while True:
        await asyncio.sleep(5)
        left = max(0.0, began + seconds - time.monotonic())
        progress(f"{len(made.votes):,} votes, {sum(made.errors.values())} errors, {left:.0f} s left")


def times(found: Sequence[float]) -> Times:
    """Of at least one."""
    ordered = sorted(found)
    return Times(len(ordered), ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])


def _resident_bytes(pid: int) -> int | None:
    """What the process holds in memory; None where the system does not tell so."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * 4096
